import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';

/** The host's store of templates. */
export const hostStore = '/var/lib/isolate/templates';

/** Gives the tests of a file an empty store, of which nothing is left for those of others. Only inside `test/rig/enter`. */
export function useOwnStore(): void {
  beforeAll(() => {
    mkdirSync(hostStore, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700', 'tmpfs', hostStore]);
  });
  afterAll(() => void execFileSync('umount', [hostStore]));
}

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** The host's store of templates. */
export const hostStore = '/var/lib/isolate/templates';

/** Gives the tests of a file an empty store, of which nothing is left for those of others. Only inside `test/rig/enter`. */
export function useOwnStore(): void {
  useOwn(hostStore, '0700');
}

/** The same for all of root's state that outlives a boot: sessions, layers and the store. */
export function useOwnState(): void {
  useOwn(dirname(hostStore), '0755');
}

function useOwn(directory: string, mode: string): void {
  beforeAll(() => {
    mkdirSync(directory, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=${mode}`, 'tmpfs', directory]);
  });
  afterAll(() => void execFileSync('umount', [directory]));
}

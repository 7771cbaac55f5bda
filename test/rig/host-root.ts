import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A root tree that has this host's programs: give it `binds` too. */
export interface HostRoot {
  readonly path: string;
  /** Options of isolate that bind the host's /usr in. */
  readonly binds: readonly string[];
  readonly remove: () => void;
}

/** Makes a root tree of next to nothing below `parent` that belongs to `uid`, who alone gets at it. */
export function makeHostRoot(parent: string, uid = 0): HostRoot {
  const path = mkdtempSync(join(parent, 'host-root-'));
  chownSync(path, uid, uid);
  for (const name of ['usr', 'etc', 'tmp', 'proc', 'dev', 'home', 'run', 'var', 'root']) mkdirSync(join(path, name));
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(path, name));
  return { path, binds: ['-d', '/usr:/usr:ro'], remove: () => rmSync(path, { recursive: true }) };
}

import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory with a file system of its own, which only its owner can enter. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves no space. */
  readonly fill: () => void;
  /** Gives it back. */
  readonly free: () => void;
  readonly end: () => void;
}

/** Mounts a tmpfs, of 16 MiB unless its `options` say another size. */
export function mountSmallDisk(options = 'size=16m', path = mkdtempSync(join(tmpdir(), 'small-'))): SmallDisk {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=0700,${options}`, 'tmpfs', path]);
  return diskAt(path);
}

function diskAt(path: string): SmallDisk {
  const filler = join(path, '.filler');
  return {
    path,
    fill: () => fillUp(filler),
    free: () => rmSync(filler, { force: true }),
    end: () => {
      execFileSync('umount', [path]);
      rmdirSync(path);
    },
  };
}

/** Writes to a new file until there is no space, in blocks that become smaller. */
export function fillUp(file: string): void {
  const descriptor = openSync(file, 'a');
  for (const bytes of [65_536, 4096, 1]) {
    try {
      for (;;) writeSync(descriptor, Buffer.alloc(bytes));
    } catch (error) {
      if (!['ENOSPC', 'Unknown system error -122'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  closeSync(descriptor);
}

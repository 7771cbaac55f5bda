import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
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

/** Mounts a tmpfs, or an ext4, on which a directory takes space that an empty file does not. `size` is like `16M`. */
export function mountSmallDisk(type: 'tmpfs' | 'ext4', size: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'small-'));
  if (type === 'tmpfs') {
    execFileSync('mount', ['-t', type, '-o', `size=${size}`, type, path]);
  } else {
    const image = `${path}.image`;
    execFileSync('truncate', [`--size=${size}`, image]);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', image]);
    execFileSync('mount', ['-o', 'loop', image, path]);
    rmSync(image);
    rmdirSync(join(path, 'lost+found'));
  }
  chmodSync(path, 0o700);
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

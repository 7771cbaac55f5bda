import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Has a script in the place of a program of this mount namespace while `action` runs. */
export async function whileReplaced<T>(program: string, script: string, action: () => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'replaced-'));
  // umount(8) itself may be what is replaced.
  const umount = join(directory, 'umount');
  copyFileSync('/bin/umount', umount);
  execFileSync('mount', ['--bind', script, program]);
  try {
    return await action();
  } finally {
    execFileSync(umount, [program]);
    rmSync(directory, { recursive: true });
  }
}

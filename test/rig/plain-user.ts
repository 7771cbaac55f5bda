import { execFile } from 'node:child_process';
import { appendFile, chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const firstSubordinate = 1_500_000_000;

/** Adds a user with subordinate ids, whose home is `directory`; known in this mount namespace only, for good. */
export async function addPlainUser(directory: string, uid: number): Promise<void> {
  const name = `plain${String(uid)}`;
  const lines = {
    '/etc/passwd': `${name}:x:${String(uid)}:${String(uid)}::${directory}:/bin/sh\n`,
    '/etc/group': `${name}:x:${String(uid)}:\n`,
    '/etc/subuid': `${name}:${String(firstSubordinate)}:65536\n`,
    '/etc/subgid': `${name}:${String(firstSubordinate)}:65536\n`,
  };
  for (const [file, line] of Object.entries(lines)) {
    const copy = join(directory, file.replaceAll('/', '-'));
    await copyFile(file, copy);
    await chmod(copy, 0o644);
    await appendFile(copy, line);
    await run('mount', ['--bind', copy, file]);
  }
}

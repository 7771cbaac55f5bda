import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chmod, copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lock } from 'proper-lockfile';

const run = promisify(execFile);
const firstSubordinate = 1_500_000_000;
/** A memory file system of this mount namespace (test/rig/enter), so it goes when the mounts go. */
const copies = '/etc/isolate/users';

/** The first of 65,536 subordinate ids, or ranges of them as first and count; null: none. */
export type Subordinates = number | readonly (readonly [first: number, count: number])[] | null;

/** Adds a user with subordinate ids, whose home is `directory`; known in this mount namespace only, for good. */
export async function addPlainUser(directory: string, uid: number, subordinate: Subordinates = firstSubordinate): Promise<void> {
  const name = `plain${String(uid)}`;
  const ranges = typeof subordinate === 'number' ? [[subordinate, 65_536]] : (subordinate ?? []);
  const text = ranges.map(([first, count]) => `${name}:${first}:${count}\n`).join('');
  const ids = ranges.length === 0 ? {} : { '/etc/subuid': text, '/etc/subgid': text };
  const lines = {
    '/etc/passwd': `${name}:x:${String(uid)}:${String(uid)}::${directory}:/bin/sh\n`,
    '/etc/group': `${name}:x:${String(uid)}:\n`,
    ...ids,
  };
  const [outer, own] = await Promise.all(['/etc', '/etc/isolate'].map((path) => stat(path)));
  if (outer?.dev === own?.dev) throw new Error('The users of this host would change: run this inside test/rig/enter.');
  await mkdir(copies, { recursive: true });
  const release = await lock(copies, { retries: { retries: 100, minTimeout: 20, maxTimeout: 100 } });
  try {
    for (const [file, line] of Object.entries(lines)) {
      const copy = join(copies, `${file.replaceAll('/', '-')}-${randomBytes(4).toString('hex')}`);
      await copyFile(file, copy);
      await chmod(copy, 0o644);
      await appendFile(copy, line);
      await run('mount', ['--bind', copy, file]);
    }
  } finally {
    await release();
  }
}

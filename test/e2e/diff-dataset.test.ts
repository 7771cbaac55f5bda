import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate, startIsolate } from '../rig/isolate.ts';
import { useOwnState } from '../rig/own-store.ts';
import { refreshUntilFree } from '../rig/refresher.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

useOwnState();

let zfs: ZfsTemplate;
beforeAll(async () => {
  zfs = await makeZfsTemplate();
}, 60_000);
afterAll(() => zfs.pool.end());

async function keep(name: string, text: string, ...options: readonly string[]): Promise<string> {
  const words = ['-q', `--keep=${name}`, '-z', zfs.dataset, '--wait', '60', ...options, 'sh', '-c', text];
  const { status, stderr } = await isolate(words);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stderr;
}

/** What is there when used clones are destroyed: those of the sessions. */
async function clonesAfterRefresh(): Promise<number> {
  await refreshUntilFree('--skip-create', zfs.dataset);
  return (await zfs.clones()).length;
}

test('a session on a dataset is compared with the snapshot that it was made of, with the owners that it sees', async () => {
  await keep('one', 'echo more >> /etc/group; touch /etc/new; rm /etc/os-release; mv /opt /moved; chmod 4755 /bin/busybox');
  writeFileSync(join(zfs.directory, 'etc/later'), '');
  await zfs.snapshot('later');
  expect(await isolate(['diff', 'one', '--porcelain'])).toMatchObject({
    status: 0,
    stdout: `....p.... bin/busybox
..c...... etc/group
+........ etc/new
.-....... etc/os-release
+-....... moved\topt
`,
    stderr: '',
  });
  const { changes } = JSON.parse((await isolate(['diff', 'one', '--json', 'etc/new', 'etc/group'])).stdout) as {
    readonly changes: readonly unknown[];
  };
  expect(changes).toMatchObject([
    { path: 'etc/group', before: { uid: 0, gid: 0 }, after: { uid: 0, gid: 0 } },
    { path: 'etc/new', after: { uid: 0, gid: 0 } },
  ]);
  const { stdout } = await isolate(['diff', 'one', '--patch', 'etc/group']);
  expect(stdout).toContain('\n+more\n');
});

test('nothing is left of what a session was compared with', async () => {
  await keep('two', 'true');
  const before = await clonesAfterRefresh();
  expect(await isolate(['diff', 'two'])).toMatchObject({ status: 0, stdout: 'Nothing changed.\n' });
  expect(await clonesAfterRefresh()).toBe(before);
});

test('nor if the comparison is killed, and the session can be compared again', async () => {
  // Long names, of which no pipe or socket holds a third.
  const name = 'n'.repeat(230);
  await keep('killed', `i=0; while [ $i -lt 3000 ]; do touch /opt/${name}-$i; i=$((i+1)); done`);
  const before = await clonesAfterRefresh();
  // It cannot write everything, so it is still there.
  const child = startIsolate(['diff', 'killed', '--porcelain']);
  const { stdout } = child;
  if (stdout === null) throw new Error('There is no pipe.');
  await once(stdout, 'readable');
  const ended = once(child, 'exit');
  expect((await zfs.clones()).length).toBe(before + 1);
  child.kill('SIGKILL');
  await ended;
  stdout.destroy();
  expect(await clonesAfterRefresh()).toBe(before);
  expect((await isolate(['diff', 'killed', '--name-only'])).stdout.split('\n')).toHaveLength(3001);
});

test('a run tells at its end what it has changed', async () => {
  const stderr = await keep('told', 'touch /opt/new', '--diff');
  expect(stderr).toContain('\n/opt\n  A  new  0 bytes\n');
});

import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { isolate, startIsolate } from '../rig/isolate.ts';
import { descendants } from '../rig/process-tree.ts';
import { temporaryTemplate } from '../rig/template.ts';

let template: string;
let notes: string;
beforeAll(async () => {
  template = await temporaryTemplate();
});
afterAll(() => {
  rmSync(dirname(template), { recursive: true, force: true });
});
beforeEach(() => {
  notes = join(mkdtempSync(join(tmpdir(), 'hooks-')), 'notes');
});

const said = (): string => (existsSync(notes) ? readFileSync(notes, 'utf8') : '');

test('the hooks run on the host around the command, with ROOTFS set', async () => {
  const hooks = [
    '--pre-hook',
    `echo "pre $ROOTFS $1" >> ${notes}; test -d "$ROOTFS/etc"`,
    '--post-hook',
    `echo "post $(cat $ROOTFS/left)" >> ${notes}`,
  ];
  const { status } = await isolate(['-q', '-t', template, ...hooks, 'sh', '-c', 'echo left > /left; exit 3']);
  expect({ status, said: said() }).toEqual({ status: 3, said: `pre ${template} \npost left\n` });
});

test('the variables of the bash program name hooks too, and an option overrides them', async () => {
  const environment = { PRE_SPAWN_HOOK: `echo variable >> ${notes}`, POST_SPAWN_HOOK: `echo post >> ${notes}` };
  await isolate(['-q', '-t', template, '--pre-hook', `echo option >> ${notes}`, 'true'], { environment });
  expect(said()).toBe('option\npost\n');
});

test('a failing pre hook ends the run with 125 before the command, and the post hook runs', async () => {
  const { status, stdout, stderr } = await isolate([
    '-q',
    '-t',
    template,
    '--pre-hook',
    'exit 4',
    '--post-hook',
    `echo post >> ${notes}`,
    'echo',
    'ran',
  ]);
  expect({ status, stdout, said: said() }).toEqual({ status: 125, stdout: '', said: 'post\n' });
  expect(stderr).toContain('The pre hook exited with 4');
});

test('a failing post hook is a warning and does not change the status of the command', async () => {
  const { status, stderr } = await isolate(['-q', '-t', template, '--post-hook', 'kill -9 $$', 'sh', '-c', 'exit 5']);
  expect({ status, stderr }).toEqual({ status: 5, stderr: 'isolate: warning: The post hook was killed by SIGKILL.\n' });
});

test('a hook sees a throw-away overlay merged, with what the command changed', async () => {
  const hooks = [
    '--pre-hook',
    'echo given > $ROOTFS/given',
    '--post-hook',
    `cat $ROOTFS/made >> ${notes}; ls $ROOTFS/etc/passwd >> ${notes} 2>/dev/null || echo removed >> ${notes}`,
  ];
  const { status, stdout, stderr } = await isolate([
    '-q',
    '--ephemeral',
    '-t',
    template,
    ...hooks,
    'sh',
    '-c',
    'cat /given; echo made > /made; rm /etc/passwd',
  ]);
  expect({ status, stdout, stderr, said: said() }).toEqual({ status: 0, stdout: 'given\n', stderr: '', said: 'made\nremoved\n' });
  expect(existsSync(join(template, 'given'))).toBe(false);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(template);
});

test('a throw-away overlay whose run was killed while its hook ran is removed by the next run, and nothing stays mounted', async () => {
  const run = startIsolate(['-q', '--ephemeral', '-t', template, '--pre-hook', `echo begun >> ${notes}; exec sleep 600`, 'true']);
  await expect.poll(said).toBe('begun\n');
  const hook = descendants(run.pid ?? 0).find(({ command }) => command === 'sleep 600');
  run.kill('SIGKILL');
  if (hook !== undefined) process.kill(hook.pid, 'SIGKILL');
  await once(run, 'close');
  const mounted = (): boolean => readFileSync('/proc/self/mounts', 'utf8').includes(template);
  expect(mounted()).toBe(true);
  const next = async (): Promise<boolean> => {
    expect(await isolate(['-q', '--ephemeral', '-t', template, 'true'])).toMatchObject({ status: 0, stderr: '' });
    return mounted();
  };
  await expect.poll(next, { timeout: 30_000 }).toBe(false);
});

test('a hook may leave a program that looks at the merged root for a moment', async () => {
  const hook = 'cd "$ROOTFS"; sleep 0.3 > /dev/null 2>&1 &';
  expect(await isolate(['-q', '--ephemeral', '-t', template, '--pre-hook', hook, 'true'])).toMatchObject({ status: 0, stderr: '' });
});

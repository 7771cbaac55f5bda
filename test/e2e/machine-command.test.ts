import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';

import { expect, test } from 'vitest';

import { ended, finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { passThrough } from '../rig/pass-through.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const root = await busyboxRootfs();
const inMachine = (...words: string[]): string[] => ['-q', '-e', 'kvm', '-t', root, '--read-only', ...words];
const shell = (script: string, ...options: string[]): string[] => inMachine(...options, '--', 'sh', '-c', script);

test('a command in a machine has a kernel of its own, and the name of the template as its host name', async () => {
  const { status, stdout } = await isolate(inMachine('uname', '-snr'));
  const [system, name, kernel] = stdout.trim().split(' ');
  expect({ status, system, name, isHosts: kernel === release() }).toEqual({
    status: 0,
    system: 'Linux',
    name: root.split('/').at(-1),
    isHosts: false,
  });
});

test.each([1, 125, 255])('the exit status %i comes back unchanged', async (code) => {
  expect(await isolate(shell(`exit ${code}`))).toEqual(ended(code));
});

test.each([9, 11, 64])('a command that is killed by signal %i gives 128 and the signal', async (number) => {
  expect(await isolate(shell(`kill -${number} $$; sleep 60`))).toEqual(ended(128 + number));
});

test('the status is that of the command, whatever other processes end with', async () => {
  expect(await isolate(shell('(exit 9) & wait; (sleep 60; exit 8) & exit 3'))).toEqual(ended(3));
});

test('a machine has the file systems of a running system, and a root that it was given', async () => {
  const script = `while read -r source target type options; do echo "$target $type \${options%%,*}"; done < /proc/mounts`;
  const { stdout } = await isolate(shell(script));
  expect(
    stdout
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('/etc/hosts ')),
  ).toEqual([
    '/ 9p ro',
    '/proc proc rw',
    '/sys sysfs rw',
    '/sys/fs/cgroup cgroup2 rw',
    '/dev devtmpfs rw',
    '/dev/pts devpts rw',
    '/dev/shm tmpfs rw',
    '/dev/mqueue mqueue rw',
    '/tmp tmpfs rw',
  ]);
});

test('a command that is not there gives 127, and one that cannot be executed 126', async () => {
  expect(await isolate(inMachine('no-such-command'))).toEqual(ended(127, '', 'isolate: no-such-command: command not found\n'));
  expect(await isolate(inMachine('/etc/passwd'))).toEqual(ended(126, '', 'isolate: /etc/passwd: Permission denied\n'));
});

test('stdout and stderr stay apart and are unchanged', async () => {
  expect(await isolate(shell('printf "out\\0\\377"; printf "err\\r\\n" >&2'))).toEqual(ended(0, 'out\0\uFFFD', 'err\r\n'));
});

test('a hundred megabytes pass through a machine byte for byte', { timeout: 300_000 }, async () => {
  expect(await passThrough(startIsolate(inMachine('cat')), 100)).toEqual({ status: 0, bytes: 100 * 2 ** 20, isSame: true });
});

test('words and variables reach the command byte for byte, and no others do', async () => {
  const words = ['', ' ', '-x', '--', 'a b', '$(id)', '"', "'", '\\', '*', 'ü', '\n', '1e3', '{a,b}', 'x'.repeat(100_000)];
  const script = 'for word; do printf "%s\\0" "$word"; done; env -0';
  const { stdout } = await isolate([...inMachine('-v', 'A=1', '-v', 'B:x y', '-v', 'EMPTY=', '--'), 'sh', '-c', script, 'sh', ...words], {
    environment: { SECRET: 'no', TERM: 'xterm' },
  });
  const found = stdout.split('\0').slice(0, -1);
  expect(found.slice(0, words.length)).toEqual(words);
  expect(found.slice(words.length).toSorted()).toEqual([
    'A=1',
    'B=x y',
    'EMPTY=',
    'HOME=/root',
    'LOGNAME=root',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'PWD=/',
    'SHLVL=1',
    'TERM=xterm',
    'USER=root',
  ]);
});

test('the end of the input reaches the command, which may also leave input unread', async () => {
  expect(await isolate(inMachine('wc', '-c'), { input: '12345' })).toEqual(ended(0, '5\n'));
  expect(await isolate(inMachine('true'), { input: 'x'.repeat(1_000_000) })).toEqual(ended(0));
});

test('the end of the input reaches a command that waits for it, with nothing else going on', async () => {
  const child = startIsolate(shell('echo up; cat; echo end'));
  await once(child.stdout ?? child, 'data');
  child.stdin?.write('more\n');
  await once(child.stdout ?? child, 'data');
  child.stdin?.end();
  expect(await finished(child)).toMatchObject({ status: 0, stdout: 'end\n' });
});

test('a command gets SIGPIPE when its reader goes away', async () => {
  const child = startIsolate(inMachine('yes'));
  await once(child.stdout!, 'data');
  child.stdout?.destroy();
  const [status] = await once(child, 'exit');
  expect(status).toBe(141);
});

test('output that cannot be written is an error, also where the command does not notice', async () => {
  const words = shell('echo lost').map((word) => `'${word}'`);
  const { status, stderr } = await finished(spawn('/bin/sh', ['-c', `exec ${isolatePath} ${words.join(' ')} > /dev/full`]));
  expect({ status, stderr }).toEqual({ status: 125, stderr: 'isolate: what the command writes is lost: No space left on device\n' });
});

test('a working directory that only the machine can look for is named when it is not there', async () => {
  const { status, stderr } = await isolate([...inMachine('-p', '/sys/nowhere'), 'true']);
  expect({ status, stderr }).toEqual({
    status: 125,
    stderr:
      'isolate: the working directory cannot be entered in the machine: No such file or directory\nisolate: kvm could not start the command.\n',
  });
});

test('what a command leaves running ends with it', async () => {
  expect(await isolate(shell('sleep 1000 & echo left'))).toEqual(ended(0, 'left\n'));
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP'] as const)(
  '%s reaches the command, whose own status comes back',
  async (signal) => {
    const child = startIsolate(shell(`trap "echo got; exit 7" ${signal.slice(3)}; sleep 1000 & echo ready; wait`));
    await once(child.stdout!, 'data');
    const end = finished(child);
    child.kill(signal);
    if (signal === 'SIGTSTP') {
      await once(child.stdout!, 'data');
      await expect.poll(() => stateOf(child.pid)).toBe('T');
      child.kill('SIGCONT');
    }
    expect(await end).toEqual(ended(7, 'got\n'));
  },
);

test('--timeout ends the command and gives 124; one that ignores SIGTERM is killed after the time of --kill-after', async () => {
  expect(await isolate([...inMachine('--timeout', '4'), 'sleep', '1000'])).toMatchObject({ status: 124 });
  const script = 'trap "" TERM; echo ready; while :; do sleep 1; done';
  expect(await isolate(shell(script, '--timeout', '4', '--kill-after', '1'))).toMatchObject({ status: 124, stdout: 'ready\n' });
});

test('--user is looked up in the machine, whose root owns all of it', async () => {
  const script =
    'id -u; id -g; cat /proc/self/uid_map; touch /tmp/mine; stat -c %u:%g /tmp/mine /etc/passwd; grep CapEff /proc/self/status';
  const capabilities = 'CapEff:\t0000000000000000\n';
  expect(await isolate(shell(script, '--user', 'daemon'))).toEqual(
    ended(0, `1\n1\n         0          0 4294967295\n1:1\n0:0\n${capabilities}`),
  );
});

test('--cpus and --memory are what the machine has', async () => {
  const { stdout } = await isolate(shell('nproc; sed -n "s/MemTotal: *//p" /proc/meminfo', '--cpus', '2', '--memory', '256M'));
  const [cpus, memory = ''] = stdout.split('\n');
  const kib = Number.parseInt(memory, 10);
  expect({ cpus, fits: kib > 200_000 && kib <= 262_144 }).toEqual({ cpus: '2', fits: true });
});

/** The letter for a process's state in /proc/PID/stat. */
async function stateOf(pid: number | undefined): Promise<string | undefined> {
  return (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.[0];
}

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Environment, Launch } from '../../src/launch/launch.ts';
import { compileStatic } from '../rig/compile.ts';
import {
  bareLaunch,
  bwrapLaunch,
  initLaunch,
  isStaticLauncher,
  run,
  start,
  startedLaunch,
  type Wrapping,
  wrappedLaunch,
} from '../rig/launches.ts';

const wrappings: readonly Wrapping[] = ['bare', 'init', 'bwrap'];
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'launcher-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

it('is not left alone by a listener that throws', async () => {
  const onStarted = () => {
    throw new Error('of the listener');
  };
  const handle = await start(bareLaunch(['/bin/sh', '-c', 'exit 7']), { onStarted });
  await expect(handle.result).rejects.toThrow('of the listener');
});

describe.each(wrappings)('a command started %s', (wrapping) => {
  const shell = (script: string) => wrappedLaunch(wrapping, ['/bin/sh', '-c', script]);

  it('gives back every exit status', async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => wrapping === 'bwrap' || code % 16 === 0 || code > 124);
    for (const code of codes) expect((await run(shell(`exit ${code}`))).result).toEqual({ kind: 'exited', code });
  });

  it('gives back every signal that ends it', async () => {
    const harmless = ['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH', 'SIGIOT', 'SIGPOLL'];
    const signals = Object.entries(constants.signals).filter(([name]) => !harmless.includes(name));
    for (const [signal, number] of signals) expect((await run(shell(`kill -${number} $$`))).result).toEqual({ kind: 'killed', signal });
  });

  it('inherits no descriptor but the standard three', async () => {
    const leaked = openSync('/etc/hostname', 'r');
    const { stdout } = await run(shell('for n in $(seq 0 999); do [ -e /proc/$$/fd/$n ] && echo $n; done; :'));
    expect({ stdout, leaked: leaked > 2 }).toEqual({ stdout: '0\n1\n2\n', leaked: true });
  });

  it('has exactly the planned environment', async () => {
    const { stdout } = await run(
      wrapping === 'bwrap' ? bwrapLaunch(['env']) : wrappedLaunch(wrapping, ['/usr/bin/env'], { environment: { PATH: '/bin', X: 'a b' } }),
    );
    expect(stdout.split('\n').sort()).toEqual(wrapping === 'bwrap' ? ['', 'PATH=/usr/bin:/bin', 'PWD=/'] : ['', 'PATH=/bin', 'X=a b']);
  });

  it('has default signals, no mask, umask 022 and the working directory', async () => {
    const { stdout } = await run(shell('umask; pwd; grep -E "Sig(Blk|Ign)" /proc/self/status'));
    expect(stdout).toBe('0022\n/\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  it('has a session keyring of its own', async () => {
    const program = await compileStatic(join(import.meta.dirname, '../rig/session-keyring.c'));
    const host = spawnSync(program, { encoding: 'utf8' }).stdout;
    const { stdout } = await run(shell(program));
    expect({ host: /^\d+$/m.test(host), inside: /^\d+$/m.test(stdout), same: host === stdout }).toEqual({
      host: true,
      inside: true,
      same: false,
    });
  });

  it('is in a session without a terminal when no stream is one', async () => {
    const { stdout } = await run(shell('cut -d" " -f7 /proc/self/stat; (: < /dev/tty) 2>/dev/null && echo tty'));
    expect(stdout).toBe('0\n');
  });

  it('passes 100 MB through pipes byte for byte', async () => {
    const handle = await start(
      shell(`head -c 104857600 /dev/urandom > ${directory}/big; cat ${directory}/big; exec cat ${directory}/big >&2`),
    );
    const sums = [handle.stdout, handle.stderr].map(async (stream) => {
      const hash = createHash('sha256');
      let length = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        hash.update(chunk);
        length += chunk.length;
      }
      return { length, sum: hash.digest('hex') };
    });
    const [out, error] = await Promise.all(sums);
    expect(await handle.result).toEqual({ kind: 'exited', code: 0 });
    expect({ out, length: out?.length }).toEqual({ out: error, length: 104857600 });
  });
});

describe.each(['init', 'bwrap'] as const)('the stage under %s', (wrapping) => {
  it('says that a command does not exist, with 127', async () => {
    expect(await run(wrappedLaunch(wrapping, ['no\nsuch']))).toEqual({
      result: { kind: 'not-executed', errno: 'ENOENT' },
      stdout: '',
      stderr: 'isolate: no\\x0asuch: command not found\n',
    });
  });

  it('says that a command cannot be executed, with 126', async () => {
    const { result, stderr } = await run(wrappedLaunch(wrapping, ['/etc/passwd']));
    expect({ result, stderr }).toEqual({
      result: { kind: 'not-executed', errno: 'EACCES' },
      stderr: 'isolate: /etc/passwd: Permission denied\n',
    });
  });

  it('says that the interpreter of a script is missing, with 126', async () => {
    const script = join(directory, 'script');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    const { result, stderr } = await run(wrappedLaunch(wrapping, [script]));
    expect({ result, stderr }).toEqual({
      result: { kind: 'not-executed', errno: 'Unknown system error -79' },
      stderr: `isolate: ${script}: its interpreter or loader is missing\n`,
    });
  });

  it('passes on as many words and variables as the kernel allows', async () => {
    const words = Array.from({ length: 60_000 }, (_, index) => `${index}`);
    const environment = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`NAME_${index}`, `value ${index}`]));
    const script = 'printf "%s\\n" "$@" | md5sum; env | grep ^NAME_ | sort | md5sum';
    const launch = wrappedLaunch(wrapping, ['/bin/sh', '-c', script, 'sh', ...words]);
    const { result, stdout } = await run(withVariables(launch, { PATH: '/usr/bin:/bin', ...environment }));
    const sum = (lines: readonly string[]): string =>
      createHash('md5')
        .update(`${lines.join('\n')}\n`)
        .digest('hex');
    const variables = Object.entries(environment)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted();
    expect({ result, stdout }).toEqual({ result: { kind: 'exited', code: 0 }, stdout: `${sum(words)}  -\n${sum(variables)}  -\n` });
  });

  it('passes on the longest word that the kernel allows', async () => {
    const longest = 'x'.repeat(128 * 1024 - 1);
    const { stdout } = await run(wrappedLaunch(wrapping, ['/bin/sh', '-c', 'echo ${#1}', 'sh', longest]));
    expect(stdout).toBe('131071\n');
  });

  it.each([
    ['a word', ['x'.repeat(128 * 1024)]],
    ['the words', Array.from({ length: 100 }, () => 'x'.repeat(100_000))],
  ])('says that %s of a command is longer than the kernel takes, with 126', async (_, words) => {
    expect(await run(wrappedLaunch(wrapping, ['/bin/echo', ...words]))).toEqual({
      result: { kind: 'not-executed', errno: 'E2BIG' },
      stdout: '',
      stderr: 'isolate: /bin/echo: Argument list too long\n',
    });
  });

  it('does not pass a file of unknown format to a shell', async () => {
    const script = join(directory, 'script');
    writeFileSync(script, 'echo run by a shell\n', { mode: 0o755 });
    expect(await run(wrappedLaunch(wrapping, [script]))).toEqual({
      result: { kind: 'not-executed', errno: 'ENOEXEC' },
      stdout: '',
      stderr: `isolate: ${script}: Exec format error\n`,
    });
  });

  it('tells the command’s own pid', async () => {
    const { handle, pid } = await startedLaunch(wrappedLaunch(wrapping, ['sleep', '20']));
    const name = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    process.kill(pid, 'SIGUSR1');
    expect({ name, result: await handle.result }).toEqual({ name: 'sleep\0' + '20\0', result: { kind: 'killed', signal: 'SIGUSR1' } });
  });

  it('leaves nothing of the run behind', async () => {
    const handle = await start(wrappedLaunch(wrapping, ['sh', '-c', 'setsid sleep 300 & echo $!; exit 3']));
    expect(await handle.result).toEqual({ kind: 'exited', code: 3 });
    const left = spawnSync('pgrep', ['-f', '^sleep 300$'], { encoding: 'utf8' });
    expect(left.stdout).toBe('');
  });
});

/** The launch with other variables for its command. */
function withVariables(launch: Launch, environment: Environment): Launch {
  return { ...launch, descriptors: launch.descriptors.map((one) => (one.kind === 'command' ? { ...one, environment } : one)) };
}

describe('the launcher', () => {
  it('gives data as a sealed file that can only be read', async () => {
    const launch = bareLaunch(['/bin/sh', '-c', 'cat <&7; echo x >&7; cat <&8'], {
      descriptors: [
        { number: 7, kind: 'data', label: 'x', content: Buffer.from('data\n') },
        { number: 8, kind: 'file', path: '/proc/sys/kernel/ostype' },
      ],
    });
    const { stdout, stderr } = await run(launch);
    expect({
      stdout,
      stderr: stderr.includes('Operation not permitted') || stderr.includes('Permission denied') || stderr.includes('error'),
    }).toEqual({ stdout: 'data\nLinux\n', stderr: true });
  });

  it('has a file to read, or to read and write', async () => {
    const path = join(directory, 'both');
    writeFileSync(path, 'before\n');
    const launch = (access: 'read-only' | 'read-write'): Launch =>
      bareLaunch(['/bin/sh', '-c', 'cat <&9; echo after >&9'], { descriptors: [{ number: 9, kind: 'file', path, access }] });
    const [readOnly, both] = [await run(launch('read-only')), await run(launch('read-write'))];
    expect([readOnly.result, both.result, readFileSync(path, 'utf8')]).toEqual([
      { kind: 'exited', code: 1 },
      { kind: 'exited', code: 0 },
      'before\nafter\n',
    ]);
  });

  it('does not let descriptors overwrite one another', async () => {
    const numbers = Array.from({ length: 97 }, (_, index) => index + 3).reverse();
    const descriptors = numbers.map((number) => ({ number, kind: 'data', label: 'x', content: Buffer.from(`${number}\n`) }) as const);
    const { stdout } = await run(bareLaunch(['/bin/sh', '-c', 'cd /proc/self/fd; for n in $(seq 3 99); do cat $n; done'], { descriptors }));
    expect(stdout).toBe(
      [...numbers]
        .reverse()
        .map((number) => `${number}\n`)
        .join(''),
    );
  });

  it('names the step that failed', async () => {
    await expect(run(bareLaunch(['/no/such']))).rejects.toThrow('The launch failed while executing /no/such: no such file or directory.');
    await expect(run(bareLaunch(['/bin/true'], { workingDirectory: '/no' }))).rejects.toThrow('while changing the directory to /no');
    await expect(run(bareLaunch(['/bin/true'], { seccompFilter: '/etc/hostname' }))).rejects.toThrow('filter-file');
    const missing = initLaunch(['true'], {
      sandboxMounts: [{ kind: 'mount', type: 'tmpfs', source: 'none', target: '/no', flags: [], options: '' }],
    });
    await expect(run(missing)).rejects.toThrow('in the step mount (none on /no): no such file or directory');
  });

  it('says when the engine ended before the command', async () => {
    const launch = { ...bwrapLaunch(['true']), args: ['bwrap', '--no-such-option'] };
    await expect(run(launch)).rejects.toMatchObject({ code: 'engine-failed' });
  });

  it('cannot be started from a path that does not exist', async () => {
    await expect(start(bareLaunch(['/bin/true']), { launcher: '/no/launcher' })).rejects.toMatchObject({ code: 'launch-failed' });
  });

  it.skipIf(!isStaticLauncher)('stays below 2 MiB resident while it supervises', async () => {
    const { handle } = await startedLaunch(bwrapLaunch(['sleep', '20']));
    const status = readFileSync(`/proc/${handle.pid}/status`, 'utf8');
    handle.forward('SIGTERM');
    await handle.result;
    expect(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Infinity)).toBeLessThan(2048);
  });
});

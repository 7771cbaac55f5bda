import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDirectory } from '../../src/pool/read-directory.ts';
import type { RunsDocument } from '../../src/status/status.ts';
import { compileStatic } from '../rig/compile.ts';
import { type Finished, finished, isolatePath } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const execFileAsync = promisify(execFile);
const plainUser = 31_340;
const configurations = (['bwrap', 'lxc'] as const).flatMap((engine) =>
  (['root', 'plain user'] as const).map((user) => [engine, user] as const),
);

const runs = '/run/isolate/runs';
/** Claims of runs that were killed in other tests stay until a refresh. */
const runsBefore = readDirectory(runs);

let directory: string;
let holdEngine: string;
let catchJoin: string;
let script: string;
/** isolate as a user installs it for oneself: every file is that user's own. */
let ownIsolate: string;

beforeAll(async () => {
  holdEngine = await compileStatic(join(import.meta.dirname, 'attacks/hold-engine.c'));
  catchJoin = await compileStatic(join(import.meta.dirname, 'attacks/catch-join.c'));
  directory = await mkdtemp('/var/tmp/isolate-guest-');
  await chmod(directory, 0o711);
  script = join(directory, 'script');
  await writeFile(script, '#!/proc/self/exe\n', { mode: 0o755 });
  await addPlainUser(directory, plainUser);
  const top = join(isolatePath, '../..');
  ownIsolate = join(directory, 'own/dist/isolate');
  await cp(dirname(isolatePath), dirname(ownIsolate), { recursive: true });
  await symlink(join(top, 'node_modules'), join(directory, 'own/node_modules'));
  await execFileAsync('chown', ['-R', '--no-dereference', `${String(plainUser)}:${String(plainUser)}`, join(directory, 'own')]);
  for (const user of ['root', 'plain user'] as const) {
    const home = homeOf(user);
    await mkdir(home, { mode: 0o700 });
    await busyboxRootfs(join(home, 'root'));
    if (user !== 'root') await execFileAsync('chown', ['-R', '--no-dereference', `${String(plainUser)}:${String(plainUser)}`, home]);
  }
}, 300_000);
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

function homeOf(user: 'root' | 'plain user'): string {
  return join(directory, user === 'root' ? 'home-root' : 'home-plain');
}

function run(engine: string, user: 'root' | 'plain user', options: readonly string[], script: string): Promise<Finished> {
  return finished(start(engine, user, options, script));
}

function start(engine: string, user: 'root' | 'plain user', options: readonly string[], script: string): ChildProcess {
  return startBy(user, ['--quiet', '-e', engine, '-t', join(homeOf(user), 'root'), ...options, '--', 'sh', '-c', script]);
}

function startBy(user: 'root' | 'plain user', args: readonly string[]): ChildProcess {
  const id = user === 'root' ? 0 : plainUser;
  return spawn(id === 0 ? isolatePath : ownIsolate, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: homeOf(user) },
    uid: id,
    gid: id,
  });
}

describe.each(configurations)('%s, %s', (engine, user) => {
  test('whatever a command leaves in a throw-away overlay is removed, however deep and odd', async () => {
    // Two chains of directories, each nearly as deep as a path may be long, one moved to the bottom of the other.
    const script = `chain() { mkdir /var/$1; cd /var/$1; n=0; while [ $n -lt 70 ]; do mkdir ${'d'.repeat(50)}; cd ${'d'.repeat(50)}; n=$((n+1)); done; }
      chain a; chain b; mv /var/a .
      mkdir /var/closed; chmod 0 /var/closed; mkfifo /var/pipe; ln -s / /var/link; touch -- /var/-rf "$(printf '/var/a\\nb\\033[31m')"`;
    const { status, stderr } = await run(engine, user, ['--ephemeral'], script);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const state = user === 'root' ? '/var/lib/isolate' : join(homeOf(user), '.local/state/isolate');
    const { stdout } = await execFileAsync('find', [join(state, 'overlay'), '-mindepth', '2', '-type', 'd']);
    expect(stdout).toBe('');
  });

  test('no program of the host’s can be changed through the links of the processes inside', async () => {
    const script =
      'for link in /proc/[0-9]*/exe; do case $(readlink $link) in /bin/busybox) ;; *) chmod 6777 $link; touch $link; esac; done 2> /dev/null; :';
    const programs = [isolatePath, ownIsolate].map((path) => join(dirname(path), 'isolate-launch'));
    const before = await Promise.all([...programs, '/usr/bin/bwrap', '/usr/bin/lxc-execute'].map(describeFile));
    const { status, stderr } = await run(engine, user, [], script);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(await Promise.all([...programs, '/usr/bin/bwrap', '/usr/bin/lxc-execute'].map(describeFile))).toEqual(before);
  });

  /** What a guest that watches for it gets of commands that join its run. */
  async function catchJoining(command: string, words = ''): Promise<ReadonlySet<string>> {
    const options = ['--read-only', '-d', `${catchJoin}:/dev/catch-join:ro`, '-d', `${script}:/dev/script:ro`];
    const guest = start(engine, user, options, `exec /dev/catch-join 8 ${words}`);
    const ended = finished(guest);
    await once(guest.stdout!, 'data');
    const call = (args: readonly string[]): Promise<Finished> => finished(startBy(user, args));
    const { runs } = JSON.parse((await call(['ps', '--json'])).stdout) as RunsDocument;
    const run = runs.find(({ pid }) => pid === guest.pid)!;
    while (guest.exitCode === null) await call(['exec', run.runId, command]);
    return new Set((await ended).stdout.trim().split('\n'));
  }

  test('a guest gets nothing of the process with which a command joins its sandbox', async () => {
    const programs = [isolatePath, ownIsolate];
    const before = await Promise.all(programs.map(describeFile));
    expect(await catchJoining('true')).toEqual(new Set(['ready', 'caught some']));
    expect(await Promise.all(programs.map(describeFile))).toEqual(before);
  });

  test('a script that names /proc/self/exe as its interpreter gets a copy that nobody can change', async () => {
    const programs = [isolatePath, ownIsolate].flatMap((path) => [path, join(dirname(path), 'isolate-launch')]);
    const before = await Promise.all(programs.map(describeFile));
    const caught = await catchJoining('/dev/script', 'meet');
    // Once it is the interpreter it is a program of the guest's, which the guest may trace.
    expect(new Set([...caught].filter((line) => !line.startsWith('got ')))).toEqual(
      new Set(['ready', 'met /memfd:isolate (deleted)', 'caught some']),
    );
    expect(await Promise.all(programs.map(describeFile))).toEqual(before);
  });

  test('a flood on both streams ends with the reader', async () => {
    const { status, stdout } = await run(engine, user, [], 'yes | head -c 3000000; yes | head -c 3000000 >&2');
    expect({ status, bytes: stdout.length }).toEqual({ status: 0, bytes: 3_000_000 });
  });

  test('an argument list and environment of the maximum size are passed on, larger ones refused', async () => {
    const value = 'x'.repeat(100_000);
    const whole = await run(engine, user, ['-v', `BIG=${value}`], 'echo ${#BIG}');
    expect({ status: whole.status, stdout: whole.stdout }).toEqual({ status: 0, stdout: '100000\n' });
    const file = join(homeOf(user), 'variables');
    await writeFile(file, Array.from({ length: 30 }, (_, index) => `BIG${String(index)}=${value}\n`).join(''), { mode: 0o644 });
    const more = await run(engine, user, ['--env-file', file], 'echo started');
    expect(more).toEqual({ status: 126, signal: null, stdout: '', stderr: 'isolate: sh: Argument list too long\n' });
  });

  test.each([
    ['exits', '7', 7],
    ['exits with nothing wrong', '0', 0],
    ['is killed', '-15', 143],
  ])('a command that %s while the process that waits for it is stopped ends the run, with its own status', async (_, how, status) => {
    // LXC's init cannot be traced; there the stage is the command's parent.
    const stopped = `kill -STOP $PPID; ${how === '-15' ? 'kill $$' : `exit ${how}`}`;
    const options = ['--read-only', '-d', `${holdEngine}:/dev/hold-engine:ro`];
    expect(await run(engine, user, options, engine === 'lxc' ? stopped : `exec /dev/hold-engine ${how}`)).toEqual({
      status,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });
});

test('stopping and killing what is below the command hurts nobody but the command', async () => {
  const attempts = await Promise.all(
    configurations.map(async ([engine, user]) => {
      const killed = await run(engine, user, ['--timeout', '60'], 'kill -KILL 1; echo alive');
      const stopped = await run(engine, user, ['--timeout', '2'], 'kill -STOP 1 2; kill -STOP $$; exit 3');
      return [killed.status, killed.stdout, stopped.status];
    }),
  );
  expect(attempts).toEqual(configurations.map(() => [0, 'alive\n', 124]));
});

test('a bubblewrap that belongs to the caller cannot be changed from inside', async () => {
  const own = join(homeOf('plain user'), 'bwrap');
  await cp('/usr/bin/bwrap', own);
  await chown(own, plainUser, plainUser);
  await chmod(own, 0o755);
  const before = await describeFile(own);
  await execFileAsync('mount', ['--bind', own, '/usr/bin/bwrap']);
  try {
    const { status, stdout } = await run('bwrap', 'plain user', [], 'chmod 6777 /proc/1/exe 2> /dev/null || echo refused');
    expect({ status, stdout, file: await describeFile(own) }).toEqual({ status: 0, stdout: 'refused\n', file: before });
  } finally {
    await execFileAsync('umount', ['/usr/bin/bwrap']);
  }
});

test('nothing of the runs above is left below the runtime directory', async () => {
  expect(readDirectory(runs).filter((name) => !runsBefore.includes(name))).toEqual([]);
});

async function describeFile(path: string): Promise<readonly number[]> {
  const { mode, mtimeMs, size } = await stat(path);
  return [mode, mtimeMs, size];
}

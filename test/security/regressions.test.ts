import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { make } from '../rig/compile.ts';
import { isolate, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const execFileAsync = promisify(execFile);
const isolating = ['bwrap', 'lxc'] as const;
const all = ['bwrap', 'lxc', 'chroot'] as const;

let directory: string;
let template: string;
/** A directory of the host that no sandbox is given. */
let host: string;
/** Nobody else's word. */
let token: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-regressions-'));
  await chmod(directory, 0o711);
  await mkdir(join(directory, 'private'), { mode: 0o700 });
  host = join(directory, 'host');
  await mkdir(host);
  template = await busyboxRootfs(join(directory, 'private/root'));
  token = randomBytes(8).toString('hex');
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Host processes with the word in their arguments, by pid. */
async function processesWith(word: string): Promise<Map<number, string[]>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => [Number(pid), (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')] as const),
  );
  return new Map(found.flatMap(([pid, args]) => (args.some((arg) => arg.includes(word)) ? [[pid, args]] : [])));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Starts isolate and waits for the first line that its command prints. */
async function startAndWait(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ReturnType<typeof startIsolate>> {
  const child = startIsolate(args, { environment });
  const said: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  const ended = once(child, 'close').then(() => Promise.reject(new Error(Buffer.concat(said).toString())));
  ended.catch(() => {});
  await Promise.race([once(child.stdout!, 'data'), ended]);
  return child;
}

describe.each(isolating)('%s', (engine) => {
  const run = (args: readonly string[]): ReturnType<typeof isolate> => isolate(['-q', '-e', engine, '-t', template, ...args]);

  test('the command’s root is not the kernel’s: its process has shifted ids on the host', async () => {
    const child = await startAndWait(['-q', '-e', engine, '-t', template, '--', 'sh', '-c', `id -u; sleep 600; : ${token}`]);
    const [pid] = [...(await processesWith(token))].find(([, [file]]) => file === 'sh') ?? [];
    const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
    child.kill('SIGTERM');
    await once(child, 'close');
    const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
    expect(ids).toHaveLength(4);
    expect(ids.filter((id) => id < 65_536)).toEqual([]);
  });

  test('everything that the command leaves running ends with it', async () => {
    const { status } = await run([
      '--',
      'sh',
      '-c',
      `(setsid sh -c 'trap "" TERM HUP; sleep 600; : ${token}' > /dev/null 2>&1 < /dev/null &) ; exit 5`,
    ]);
    expect(status).toBe(5);
    await expect.poll(async () => [...(await processesWith(token)).values()]).toEqual([]);
  });

  test('kill -9 of isolate ends the command', async () => {
    const child = await startAndWait(['-q', '-e', engine, '-t', template, '--', 'sh', '-c', `echo here; sleep 600; : ${token}`]);
    child.kill('SIGKILL');
    await once(child, 'close');
    await expect.poll(async () => [...(await processesWith(token)).values()]).toEqual([]);
  });

  test('values of variables are in no argument of any process', async () => {
    const child = await startAndWait(['-q', '-e', engine, '-t', template, '-v', 'SECRET', '--', 'sh', '-c', 'echo "$SECRET"; sleep 600'], {
      SECRET: token,
    });
    const shown = [...(await processesWith(token)).values()];
    child.kill('SIGTERM');
    await once(child, 'close');
    expect(shown).toEqual([]);
  });

  test.for(['lxc.hook.start-host', 'lxc.hook.pre-start', 'lxc.init.cmd'])(
    'a newline in a value does not become a line %s of a configuration',
    async (key) => {
      const value = `a\n${key} = /bin/touch ${host}/owned\nb\\"'$(touch ${host}/owned)`;
      const { status, stdout } = await run(['-v', `X=${value}`, '--', 'sh', '-c', 'printf %s "$X"']);
      expect({ status, stdout, owned: await exists(join(host, 'owned')) }).toEqual({ status: 0, stdout: value, owned: false });
    },
  );

  test('a newline in a bind’s path does not become a line of a configuration', async () => {
    const odd = join(host, `a\nlxc.hook.pre-start = touch owned`);
    await mkdir(odd);
    const { status } = await run(['-d', `${odd}:/mnt`, '--', 'true']);
    expect([0, 125]).toContain(status);
    expect(await readdir(host)).toEqual([`a\nlxc.hook.pre-start = touch owned`]);
    expect(await exists('owned')).toBe(false);
  });

  test('devices in the template cannot be opened', async () => {
    await execFileAsync('mknod', ['-m', '666', join(template, 'zero'), 'c', '1', '5']);
    const { status, stderr } = await run(['--', 'head', '-c1', '/zero']);
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'head: /zero: Permission denied\n' });
  });

  test('programs of the template named like isolate’s own are never run', async () => {
    const trojan = `#!/bin/sh\necho trojan; exec "$@"\n`;
    await Promise.all(
      ['bin', 'usr/bin', 'usr/sbin', 'sbin', 'usr/local/bin'].map(async (folder) => {
        await mkdir(join(template, folder), { recursive: true });
        await Promise.all(
          [
            'isolate',
            'isolate-seccomp',
            'isolate-launch',
            'isolate-stage',
            'bwrap',
            'lxc-init',
            'init.lxc',
            'init.lxc.static',
            'newuidmap',
          ].map((name) => writeFile(join(template, folder, name), trojan, { mode: 0o755 })),
        );
      }),
    );
    await execFileAsync('cp', [join(await make('probe'), 'isolate-probe'), join(template, 'probe')]);
    const { stdout } = await run(['--', '/probe', 'identity/filter']);
    expect(stdout).toBe('{"case":"identity/filter","verdict":"held","detail":"filter mode"}\n');
  });

  test('a bind asked for read-only cannot be written', async () => {
    await writeFile(join(host, 'file'), 'old');
    const { status } = await run(['-d', `${host}:/mnt:ro`, '--', 'sh', '-c', 'echo new > /mnt/file']);
    expect({ status: status !== 0, content: await readFile(join(host, 'file'), 'utf8') }).toEqual({ status: true, content: 'old' });
  });
});

describe.each(all)('%s', (engine) => {
  const run = (args: readonly string[], environment = {}): ReturnType<typeof isolate> =>
    isolate(['-q', '-e', engine, '-t', template, ...args], { environment });

  test.for(['absolute', 'climbing'])(
    'a bind’s target that goes through an %s symbolic link of the template makes nothing on the host',
    async (kind) => {
      await symlink(kind === 'absolute' ? host : `../../../../../../../../..${host}`, join(template, 'link'));
      const source = join(directory, 'source');
      await mkdir(source);
      const { status } = await run(['-d', `${source}:/link/made/deep`, '--', 'true']);
      expect([0, 125]).toContain(status);
      expect(await readdir(host)).toEqual([]);
    },
  );

  test.for(['/proc/self/cwd/oldroot', '/proc/self/root/oldroot', '/proc/1/root/oldroot', '/proc/1/cwd', '/dev/fd/0', '/dev/fd/5/self/cwd'])(
    'a bind’s target that a link of the template leads to %s makes nothing on the host',
    async (place) => {
      await symlink(`${place}${host}`, join(template, 'link'));
      const { status, stdout } = await run(['-d', `${host}:/link/made/deep`, '--', 'echo', 'started']);
      expect({ status, stdout, entries: await readdir(host) }).toEqual({ status: 125, stdout: '', entries: [] });
    },
  );

  test.for(['/oldroot', '/proc/self/cwd/oldroot', ''])(
    'a bind’s target that goes through a link %s/... of another bind’s source makes nothing on the host',
    async (place) => {
      const shared = join(directory, 'shared');
      await mkdir(shared);
      await symlink(`${place}${host}`, join(shared, 'link'));
      const { status, stdout } = await run(['-d', `${shared}:/shared`, '-d', `${host}:/shared/link/made/deep`, '--', 'echo', 'started']);
      expect({ status, stdout, entries: await readdir(host) }).toEqual({ status: 125, stdout: '', entries: [] });
    },
  );

  test('a bind below another one is shown', async () => {
    const shared = join(directory, 'shared');
    await mkdir(join(shared, 'inner'), { recursive: true });
    await writeFile(join(host, 'file'), 'content');
    const { status, stdout } = await run(['-d', `${shared}:/shared`, '-d', `${host}:/shared/inner`, '--', 'cat', '/shared/inner/file']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'content' });
  });

  test.for(['proc', 'sys', 'dev', 'tmp', 'home', 'run', 'etc/resolv.conf', 'etc', 'dev/shm', 'dev/pts'])(
    'a template whose /%s is a symbolic link to the host changes nothing there',
    async (name) => {
      await writeFile(join(host, 'file'), 'old');
      const isFile = name.includes('resolv');
      await rm(join(template, name), { recursive: true, force: true });
      await mkdir(join(template, name, '..'), { recursive: true });
      await symlink(isFile ? join(host, 'file') : host, join(template, name));
      await run(['--', 'sh', '-c', `echo new > /${name}; echo new > /${name}/file; mkdir /${name}/made`]);
      const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(host));
      expect({ names: await readdir(host), content: await readFile(join(host, 'file'), 'utf8'), mounts }).toEqual({
        names: ['file'],
        content: 'old',
        mounts: [],
      });
    },
  );

  test('variables of the caller do not choose files to write', async () => {
    const file = join(host, 'precious');
    await writeFile(file, 'old');
    const names = ['LOGFILE', 'ISOLATE_LOG', 'ISOLATE_LOGFILE', 'ISOLATE_STATE', 'ISOLATE_DIR', 'LXC_LOG', 'ISOLATE_FREE_LIST'];
    const { status } = await run(['--', 'true'], Object.fromEntries(names.map((name) => [name, file])));
    expect({ status, content: await readFile(file, 'utf8') }).toEqual({ status: 0, content: 'old' });
  });

  test('control characters of names do not reach the terminal', async () => {
    const { status, stderr } = await isolate(['-e', engine, '-t', `${host}/\u001b[31m\u0007\u009b`, 'true']);
    expect({ status, controls: stderr.replaceAll('\n', '').match(/\p{Cc}/gu) }).toEqual({ status: 125, controls: null });
  });

  test('descriptors that the caller left open are closed', async () => {
    const script = 'exec 5< / 6< /etc/passwd 77> "$0"; exec "$@"';
    const { stdout } = await execFileAsync(
      'bash',
      [
        '-c',
        script,
        join(host, 'leak'),
        join(import.meta.dirname, '../../dist/isolate'),
        '-q',
        '-e',
        engine,
        '-t',
        template,
        '--',
        'sh',
        '-c',
        'cd /proc/self/fd; for n in *; do [ "$n" -gt 2 ] && readlink $n; done; true',
      ],
      { timeout: 30_000 },
    );
    expect(stdout.split('\n').filter((line) => line.includes(host) || line.includes('passwd') || line === '/')).toEqual([]);
  });
});

test('a template below a directory that others may enter is refused, since a set-uid program left there would be theirs to run', async () => {
  await chmod(join(directory, 'private'), 0o755);
  const { status, stdout } = await isolate(['-e', 'bwrap', '-t', template, 'echo', 'started']);
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
});

test('root ids of the host are refused as a base', async () => {
  const results = await Promise.all(['-u', '-g'].map((option) => isolate(['-e', 'bwrap', '-t', template, option, '0', 'echo', 'started'])));
  expect(results.map(({ status, stdout }) => ({ status, stdout }))).toEqual([
    { status: 125, stdout: '' },
    { status: 125, stdout: '' },
  ]);
});

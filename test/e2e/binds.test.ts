import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const user = 54_381;
let scratch: string;
let template: string;
/** Where no other user can reach it, so that root's runs may change it. */
let ownTemplate: string;
beforeAll(async () => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'isolate-binds-')));
  chmodSync(scratch, 0o755);
  mkdirSync(join(scratch, 'home'));
  chownSync(join(scratch, 'home'), user, user);
  await addPlainUser(join(scratch, 'home'), user);
  mkdirSync(join(scratch, 'directory'));
  writeFileSync(join(scratch, 'directory/in'), 'in the directory\n');
  writeFileSync(join(scratch, 'file'), 'the file\n');
  template = await busyboxRootfs(join(scratch, 'template'));
  mkdirSync(join(template, 'home/somebody'));
  symlinkSync('opt', join(template, 'leads-to-opt'));
  mkdirSync(join(scratch, 'private'), { mode: 0o700 });
  ownTemplate = await busyboxRootfs(join(scratch, 'private/template'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

interface Shown {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function shown(words: readonly string[], who: 'root' | 'a user' = 'root'): Promise<Shown> {
  const options = who === 'root' ? {} : { uid: user, environment: { HOME: join(scratch, 'home') } };
  const { status, stdout, stderr } = await isolate(words, { ...options, cwd: scratch });
  return { status, stdout, stderr: stderr.replaceAll(scratch, 'SCRATCH') };
}

const refused = (...lines: string[]): Shown => ({ status: 125, stdout: '', stderr: lines.map((line) => `${line}\n`).join('') });

describe.each(['bwrap', 'lxc'])('with %s', (engine) => {
  const on = (...words: string[]): string[] => ['-q', '-e', engine, '-t', template, '--ephemeral', ...words];

  test('an outer bind never hides an inner one, whatever their order', async () => {
    mkdirSync(join(scratch, 'outer/place'), { recursive: true });
    const inner = ['-d', `${scratch}/directory:/opt/n/place`];
    const outer = ['-d', `${scratch}/outer:/opt/n`];
    const ended = { status: 0, stdout: 'in the directory\n', stderr: '' };
    expect(await shown(on(...inner, ...outer, 'cat', '/opt/n/place/in'))).toEqual(ended);
    expect(await shown(on(...outer, ...inner, 'cat', '/opt/n/place/in'))).toEqual(ended);
  });

  test.each(['root', 'a user'] as const)('binds are writable in a read-only root, with %s', async (who) => {
    mkdirSync(join(scratch, 'open'), { recursive: true });
    chmodSync(join(scratch, 'open'), 0o777);
    const words = ['-q', '-e', engine, '-t', template, '--read-only', '-d', `${scratch}/open:/mnt`, '-d', `${scratch}/directory:/opt:ro`];
    const line = 'echo mine > /mnt/file && cat /mnt/file; touch /opt/x || touch /x || touch /etc/x || echo no more';
    const { status, stdout } = await shown([...words, 'sh', '-c', line], who);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'mine\nno more\n' });
    rmSync(join(scratch, 'open'), { recursive: true });
  });

  test('a target below another bind is made in its source, unless that is bound read-only', async () => {
    const source = mkdtempSync(join(scratch, 'home/outer-'));
    chownSync(source, user, user);
    const name = source.slice(scratch.length + 1);
    const inner = ['-d', `${scratch}/file:/opt/n/new/file`];
    expect(await shown(on('-d', `${source}:/opt/n:ro`, ...inner, 'true'), 'a user')).toEqual(
      refused(
        `isolate: The bind target /opt/n/new/file is missing in SCRATCH/${name}, which is bound read-only to /opt/n.`,
        `hint: make SCRATCH/${name}/new/file first`,
      ),
    );
    expect(await shown(on('-d', `${source}:/opt/n`, ...inner, 'cat', '/opt/n/new/file'), 'a user')).toEqual({
      status: 0,
      stdout: 'the file\n',
      stderr: '',
    });
    expect(readdirSync(join(source, 'new'))).toEqual(['file']);
  });

  describe.each([[[]], [['--read-only']], [['--ephemeral']]])("root's run %j", (how) => {
    /** Binds a new directory of this mode, and a file below it whose place is missing there. */
    async function runBelow(mode: number, ...command: readonly string[]) {
      const source = mkdtempSync(join(scratch, 'outer-'));
      chmodSync(source, mode);
      const binds = ['-d', `${source}:/opt/n`, '-d', `${scratch}/file:/opt/n/new/file`];
      return { source, end: await shown(['-q', '-e', engine, '-t', ownTemplate, ...how, ...binds, ...command]) };
    }

    test('makes no target in a directory that only the host’s root may write', async () => {
      const { source, end } = await runBelow(0o775, 'true');
      const message = `isolate: The bind target SCRATCH/${basename(source)}/new/file could not be made: permission denied.`;
      expect(end).toEqual(refused(message, 'hint: make it before the run'));
      expect(readdirSync(source)).toEqual([]);
    });

    test('makes targets where everyone may write, with its own ids', async () => {
      const { source, end } = await runBelow(0o1777, 'stat', '-c', '%u:%g %a %n', '/opt/n/new');
      expect(end).toEqual({ status: 0, stdout: '0:0 755 /opt/n/new\n', stderr: '' });
      expect(statSync(join(source, 'new')).uid).toBeGreaterThanOrEqual(65_536);
    });
  });

  test('a run of root makes targets in the template below directories of every id and mode', async () => {
    const directory = mkdtempSync(join(ownTemplate, 'opt/of-another-'));
    chownSync(directory, 5, 5);
    chmodSync(directory, 0o500);
    const place = `/opt/${basename(directory)}/new`;
    const words = ['-q', '-e', engine, '-t', ownTemplate, '-d', `${scratch}/directory:${place}`, 'cat', `${place}/in`];
    expect(await shown(words)).toEqual({ status: 0, stdout: 'in the directory\n', stderr: '' });
    const { uid, gid } = statSync(join(ownTemplate, place));
    expect({ uid, gid }).toEqual({ uid: 0, gid: 0 });
  });

  test('two binds that lead to one place are refused', async () => {
    const binds = ['-d', `${scratch}/directory:/opt/x`, '-d', `${scratch}/home:/leads-to-opt/x`];
    expect(await shown(on(...binds, 'true'))).toEqual(refused('isolate: Two binds have the target "/opt/x".'));
  });

  test('a directory cannot be bound to a file, or a file to a directory', async () => {
    expect(await shown(on('-d', `${scratch}/directory:/etc/passwd`, 'true'))).toEqual(
      refused('isolate: The directory SCRATCH/directory cannot be shown at /etc/passwd, which is a file in SCRATCH/template.'),
    );
    expect(await shown(on('-d', `${scratch}/file:/etc`, 'true'))).toEqual(
      refused('isolate: The file SCRATCH/file cannot be shown at /etc, which is a directory in SCRATCH/template.'),
    );
  });

  test('a path alone is bound to the same path, and :ro and :rw set its mode', async () => {
    const script = `cat ${scratch}/directory/in; touch ${scratch}/file`;
    const { status, stdout, stderr } = await shown(on('-d', 'directory:ro', '-d', './file:rw', 'sh', '-c', script), 'a user');
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: 'in the directory\n',
      stderr: 'touch: SCRATCH/file: Permission denied\n',
    });
    const readOnly = await shown(on('-d', 'file:/etc/it:ro', 'sh', '-c', 'echo > /etc/it'));
    expect(readOnly.stderr).toContain('Read-only file system');
  });

  test.each(['/nonexist', '/etc/passwd/x', '/etc/passwd', '/opt/n/none'])(
    'the working directory %s is refused by name',
    async (directory) => {
      const words = on('-d', `${scratch}/directory:/opt/n`, '-p', directory, 'true');
      const { status, stdout, stderr } = await shown(words);
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr.split('\n')[0]).toMatch(/^isolate: The working directory \/[a-z/]+ (?:is missing|is not a directory|cannot be used)/);
      expect(stderr).toContain(directory);
    },
  );

  test('the working directory may be one that is made for a bind', async () => {
    expect(await shown(on('-d', `${scratch}/directory:/made/for/it`, '-p', '/made/for', 'ls'))).toEqual({
      status: 0,
      stdout: 'it\n',
      stderr: '',
    });
  });

  test("a directory that a user may not enter is named, as a bind's target and as the working directory", async () => {
    const why = 'isolate: /root in SCRATCH/template cannot be entered by this user, so /root/src cannot be reached.';
    expect(await shown(on('-d', 'directory:/root/src', 'true'), 'a user')).toEqual(refused(why));
    expect(await shown(on('-p', '/root', 'true'), 'a user')).toEqual(
      refused('isolate: The working directory /root in SCRATCH/template cannot be entered by this user.'),
    );
  });

  test('a run makes no target in a template of another user, but continues without the name servers of the host', async () => {
    const direct = ['-q', '-e', engine, '-t', template];
    expect(await shown([...direct, '-d', 'file:/opt/none', 'true'], 'a user')).toEqual(
      refused(
        'isolate: The bind target /opt/none is missing in SCRATCH/template, and this user cannot make it there.',
        'hint: run with --ephemeral or --read-only, which leave the template as it is',
      ),
    );
    if (engine !== 'bwrap') return;
    expect(await shown([...direct, '-n', 'echo', 'ran'], 'a user')).toEqual({
      status: 0,
      stdout: 'ran\n',
      stderr:
        "isolate: warning: The sandbox does not get this host's /etc/resolv.conf. The bind target /etc/resolv.conf is missing in SCRATCH/template, and this user cannot make it there.\n",
    });
  });

  test('the sandbox finds its own name in /etc/hosts, and may add others', async () => {
    const script =
      'ping -c 1 -W 1 $(hostname) > /dev/null 2>&1; grep 127.0.1.1 /etc/hosts; echo 10.0.0.1 other >> /etc/hosts && tail -n 1 /etc/hosts';
    expect(await shown(on('sh', '-c', script))).toEqual({ status: 0, stdout: '127.0.1.1 template\n10.0.0.1 other\n', stderr: '' });
    expect((await shown(on('--hostname', 'web.test', 'sh', '-c', 'hostname; grep 127.0.1.1 /etc/hosts'))).stdout).toBe(
      'web.test\n127.0.1.1 web.test web\n',
    );
  });

  test.each(['root', 'a user'] as const)('a too large /etc/hosts of a template is named in the error, with %s', async (who) => {
    const hosts = join(template, 'etc/hosts');
    writeFileSync(hosts, '');
    truncateSync(hosts, 2 ** 40);
    try {
      expect(await shown(on('true'), who)).toEqual(
        refused(
          'isolate: /etc/hosts in SCRATCH/template is too large to copy: over 8 MiB, or over your file size limit.',
          'hint: make the file smaller in the template',
        ),
      );
      truncateSync(hosts, 2 ** 23);
      expect(await shown(on('tail', '-n', '1', '/etc/hosts'), who)).toEqual({ status: 0, stdout: '127.0.1.1 template\n', stderr: '' });
    } finally {
      rmSync(hosts);
    }
  });

  test("the template's /home is there", async () => {
    expect(await shown(on('ls', '/home'))).toEqual({ status: 0, stdout: 'somebody\n', stderr: '' });
  });

  test('a directory that is not a Linux root is refused', async () => {
    expect(await shown(['-q', '-e', engine, '-t', join(scratch, 'directory'), '--ephemeral', 'ls'])).toEqual(
      refused(
        'isolate: SCRATCH/directory does not look like a Linux root: it has no /bin, /usr or /lib.',
        'hint: the section "The first template" of README.md shows how to make one',
      ),
    );
  });

  test('a mount in a template is named in a notice, or in the error if it prevents the run', async () => {
    mkdirSync(join(template, 'srv/mounted'), { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', 'none', join(template, 'srv/mounted')]);
    try {
      const told = await shown(['-e', engine, '-t', template, '--ephemeral', 'ls', '/srv/mounted']);
      expect(told).toEqual({
        status: 0,
        stdout: '',
        stderr: 'isolate: The sandbox does not see what is mounted at SCRATCH/template/srv/mounted.\n',
      });
      expect(await shown(on('true'), 'a user')).toEqual(
        refused(
          'isolate: Something is mounted at SCRATCH/template/srv/mounted, so only root can lay a throw-away overlay over SCRATCH/template.',
          'hint: as root: umount SCRATCH/template/srv/mounted; or use --storage dir on xfs or btrfs',
        ),
      );
    } finally {
      execFileSync('umount', [join(template, 'srv/mounted')]);
      rmSync(join(template, 'srv'), { recursive: true });
    }
  });
});

test('targets below the sandbox’s own /tmp can be reached by every id', async () => {
  const words = ['-q', '-t', template, '--ephemeral', '-d', `${scratch}/file:/tmp/a/b/file`, '-d', '/dev/null:/dev/new/null'];
  expect(await shown([...words, 'stat', '-c', '%a', '/tmp/a', '/tmp/a/b', '/dev/new'])).toEqual({
    status: 0,
    stdout: '755\n755\n755\n',
    stderr: '',
  });
  expect((await shown([...words, '-p', '/tmp/a/none', 'true'])).stderr).toBe(
    'isolate: The working directory /tmp/a/none is missing in SCRATCH/template.\n',
  );
});

test('the chroot engine binds nothing into the /dev of the host', async () => {
  const before = readdirSync('/dev');
  expect(await shown(['-q', '-e', 'chroot', '-t', template, '-d', '/dev/null:/dev/isolate-new', 'true'])).toEqual(
    refused('isolate: The chroot engine cannot bind anything to /dev/isolate-new: it shows /proc, /sys and /dev of this host.'),
  );
  expect(readdirSync('/dev')).toEqual(before);
});

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { callerContext } from '../../src/template/context.ts';
import { type Finished, isolate, isolatePath } from '../rig/isolate.ts';
import { hostStore, useOwnStore } from '../rig/own-store.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { startPty } from '../rig/pty.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { makePool } from '../rig/zpool.ts';

useOwnStore();

const execFileAsync = promisify(execFile);
const uid = 4871;
let home = '';

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'isolate-home-'));
  await chmod(home, 0o755);
  await execFileAsync('chown', [`${uid}:${uid}`, home]);
  await addPlainUser(home, uid);
});

/** Whose templates are tried, and where. */
interface Subject {
  readonly template: (...words: readonly string[]) => Promise<Finished>;
  /** A template of busybox named `box`, with apt-get as `script`. */
  readonly make: (script: string) => Promise<void>;
  /** The tree, for reading. */
  readonly read: (path: string) => Promise<string>;
  readonly end: () => Promise<void>;
}

const release = 'ID=derived\nID_LIKE="debian"\n';

async function fillTree(root: string, script: string, owner: number): Promise<void> {
  await execFileAsync('cp', ['-a', `${await busyboxRootfs()}/.`, root]);
  await writeFile(join(root, 'etc/os-release'), release);
  await writeFile(join(root, 'usr/bin/apt-get'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await execFileAsync('chown', ['-hR', `${owner}:${owner}`, root]);
}

const through =
  (options: Parameters<typeof isolate>[1]) =>
  (...words: readonly string[]) =>
    isolate(['template', ...words], options);

async function rootDirectory(): Promise<Subject> {
  const root = join(hostStore, 'box');
  return {
    end: async () => {
      for (const name of await readdir(hostStore)) await rm(join(hostStore, name), { recursive: true });
    },
    template: through({}),
    make: async (script) => {
      await rm(root, { recursive: true, force: true });
      await mkdir(root);
      await fillTree(root, script, 0);
    },
    read: (path) => readFile(join(root, path), 'utf8'),
  };
}

async function plainDirectory(): Promise<Subject> {
  const root = join(home, '.local/share/isolate/templates/box');
  return {
    end: async () => {},
    template: through({ uid, cwd: '/', environment: { HOME: home, XDG_RUNTIME_DIR: '' } }),
    make: async (script) => {
      await rm(root, { recursive: true, force: true });
      await mkdir(root, { recursive: true });
      await fillTree(root, script, uid);
      await execFileAsync('chown', ['-hR', `${uid}:${uid}`, join(home, '.local')]);
      await chmod(join(root, '..'), 0o700);
    },
    read: (path) => readFile(join(root, path), 'utf8'),
  };
}

/** Owned by the first id of root's sandboxes, as isolate makes templates on zfs-fuse. */
async function rootDataset(): Promise<Subject> {
  const pool = await makePool();
  const name = `${pool.name}/box`;
  await writeFile('/etc/isolate/config.toml', `store = "${pool.name}"\n`);
  return {
    end: async () => {
      await rm('/etc/isolate/config.toml');
      await pool.end();
    },
    template: through({}),
    make: async (script) => {
      await through({})('remove', 'box');
      await pool.zfs('create', name);
      await fillTree(join(pool.directory, 'pool/box'), script, 1_879_048_192);
      await pool.zfs('snapshot', `${name}@first`);
    },
    read: (path) => readFile(join(pool.directory, 'pool/box', path), 'utf8'),
  };
}

describe.each([
  ['a directory of root', rootDirectory],
  ['a directory of a plain user', plainDirectory],
  ['a dataset', rootDataset],
] as const)('%s', (_, open) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await open();
  });
  afterAll(() => subject.end());

  test(
    'exec changes the template, says what changed, exits as the command does, and keeps a snapshot if told to',
    { timeout: 120_000 },
    async () => {
      const { template, make, read } = subject;
      await make('exit 0');
      const changed = await template('exec', 'box', 'sh', '-c', 'echo new > /made; exit 7');
      expect({ ...changed, stderr: changed.stderr.replace('  + /etc/resolv.conf\n', '').replace('2 added', '1 added') }).toEqual({
        status: 7,
        signal: null,
        stdout: '',
        stderr: 'isolate: files in box: 1 added\n  + /made\n',
      });
      expect(await read('made')).toBe('new\n');
      const kept = await template('exec', '--json', '--snapshot', 'box', 'rm', '/made');
      const { snapshot, ...difference } = JSON.parse(kept.stderr) as { snapshot: { label: string } };
      expect(difference).toEqual({ template: 'box', added: [], changed: [], removed: ['made'] });
      const { snapshots } = JSON.parse((await template('show', '--json', 'box')).stdout) as { snapshots: { label: string }[] };
      expect(snapshots.at(-1)?.label).toBe(snapshot.label);
      const broken = await template('exec', '--snapshot', 'box', 'sh', '-c', 'echo half > /made; exit 1');
      expect([broken.status, broken.stderr]).toEqual([
        1,
        'isolate: files in box: 1 added\n  + /made\n' +
          'isolate: no snapshot keeps this, because the command failed; isolate template snapshot box makes one\n',
      ]);
      expect((await template('exec', 'box', 'true')).stderr).toBe('isolate: nothing in box changed\n');
      expect((await template('exec', 'box', 'nosuch')).status).toBe(127);
    },
  );

  test('update upgrades everything or nothing, and keeps the new state as a snapshot', async () => {
    const { template, make, read } = subject;
    await make('echo "$* $DEBIAN_FRONTEND" >> /etc/upgraded');
    const updated = await template('update', 'box');
    expect([updated.status, updated.stderr.split('\n').at(-2)]).toEqual([
      0,
      expect.stringMatching(/^isolate: box@[-0-9]+ keeps the new state$/),
    ]);
    const upgraded = await read('etc/upgraded');
    expect(upgraded).toBe(
      'update noninteractive\n-y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade noninteractive\nclean noninteractive\n',
    );
    await template('exec', 'box', 'sh', '-c', 'printf "#!/bin/sh\\necho half > /etc/upgraded; [ \\$1 = update ]\\n" > /usr/bin/apt-get');
    const failed = await template('update', 'box');
    expect([failed.status, failed.stderr]).toEqual([
      1,
      'isolate: The template box is as before, because apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade exited with 1.\n',
    ]);
    expect(await read('etc/upgraded')).toBe(upgraded);
    await template(
      'exec',
      'box',
      'sh',
      '-c',
      'printf "#!/bin/sh\\nmkdir -p /var/lib/apt; date > /var/lib/apt/lists\\n" > /usr/bin/apt-get',
    );
    expect((await template('update', 'box')).stderr).toBe('isolate: box is up to date\n');
  });
});

test('shell offers a snapshot on a terminal, and takes it after a yes', async () => {
  const { template, make, end } = await rootDirectory();
  onTestFinished(end);
  await make('exit 0');
  const pty = await startPty([isolatePath, 'template', 'shell', 'box']);
  await pty.see('# ');
  pty.type('echo x > /made; exit\n');
  await pty.see('Keep this as a snapshot? [Y/n]');
  pty.type('\n');
  await pty.see(/box@[-0-9]+ keeps this state/);
  expect(await pty.ended).toBe(0);
  const { snapshots } = JSON.parse((await template('show', '--json', 'box')).stdout) as { snapshots: unknown[] };
  expect(snapshots.length).toBe(1);
});

test('a distribution that isolate cannot upgrade is named, and nothing is left of the attempt', async () => {
  const { template, make, end } = await rootDirectory();
  onTestFinished(end);
  await make('exit 0');
  await template('exec', 'box', 'sh', '-c', 'echo ID=other > /etc/os-release');
  const { status, stderr } = await template('update', 'box');
  expect([status, stderr]).toEqual([
    2,
    'isolate: The template box is "other", which isolate cannot upgrade.\nhint: isolate template exec box COMMAND runs its own package manager\n',
  ]);
  expect(await readdir(hostStore)).toEqual(['box']);
  await template('exec', 'box', 'sh', '-c', 'echo ID=$(seq -s , 9999) > /etc/os-release');
  expect((await template('update', 'box')).stderr.length).toBeLessThan(500);
});

describe('a template that other users can reach is not changed by a sandbox that could leave set-uid programs there', () => {
  const callers = { root: {}, 'a plain user': { uid, cwd: '/', environment: { XDG_RUNTIME_DIR: '' } } };
  test.each([
    ['root', 'root'],
    ['root', 'the ids of a sandbox'],
    ['a plain user', 'a plain user'],
  ] as const)('by %s, where it belongs to %s', async (caller, owner) => {
    const directory = await mkdtemp(join(tmpdir(), 'isolate-open-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const owners = { root: 0, 'the ids of a sandbox': (await callerContext()).facts.user.sandboxUids.start, 'a plain user': uid };
    await mkdir(join(directory, 'box'));
    await fillTree(join(directory, 'box'), 'touch /made', owners[owner]);
    await execFileAsync('chown', [String(owners[caller]), directory]);
    await chmod(directory, 0o755);
    const ways = { exec: ['touch', '/made'], update: [] };
    for (const [verb, words] of Object.entries(ways)) {
      const { stdout, stderr } = await isolate(['template', verb, join(directory, 'box'), ...words], { ...callers[caller] });
      expect([stdout, stderr.split('\n')[0]]).toEqual([
        '',
        `isolate: Other users can enter ${directory}, and could start set-uid programs of a template there.`,
      ]);
    }
    await expect(stat(join(directory, 'box/made'))).rejects.toThrow('ENOENT');
  });
});

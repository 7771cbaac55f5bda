import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Launch, MountOperation } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { bareLaunch, bwrapLaunch, isStaticLauncher, launcherPath, run } from '../rig/launches.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const base = 300000;
const range = [{ inside: 0, outside: base, count: 65536 }];
const userNamespace = { writer: 'direct', uidMap: range, gidMap: range } as const;
let directory = '';
let rootfs = '';

beforeAll(async () => {
  directory = mkdtempSync('/var/lib/launcher-test-');
  execFileSync('chmod', ['755', directory]);
  rootfs = await busyboxRootfs(join(directory, 'rootfs'));
  mkdirSync(join(directory, 'place'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function bind(changes: Partial<MountOperation & { kind: 'bind' }>): MountOperation {
  const plain = { kind: 'bind', recursive: false, readOnly: false, noSuid: true, noDev: true, idmap: 'none', create: 'none' } as const;
  return { ...plain, source: rootfs, target: join(directory, 'place'), ...changes };
}

function sandbox(command: readonly string[], hostMounts: readonly MountOperation[] = [], changes: Partial<Launch> = {}): Launch {
  return bwrapLaunch(
    command,
    { userNamespace, mountNamespace: true, hostMounts: [bind({ idmap: 'sandbox' }), ...hostMounts], ...changes },
    join(directory, 'place'),
  );
}

const place = (): string => join(directory, 'place');

it('shows no tree whose path has become a link', async () => {
  mkdirSync(join(directory, 'theirs'));
  symlinkSync('/', join(directory, 'theirs/link'));
  symlinkSync(rootfs, join(directory, 'link'));
  const errors: string[] = [];
  for (const source of [join(directory, 'link'), join(directory, 'theirs/link/etc')]) {
    const launch = sandbox(['true'], [], { hostMounts: [bind({ idmap: 'sandbox', source, realSource: true })] });
    errors.push(await run(launch).then(String, (error: Error) => error.message));
  }
  const where = `on ${place()}`;
  expect(errors).toEqual([
    `The launch failed in the step mount (${join(directory, 'link')} ${where}): too many symbolic links encountered.`,
    `The launch failed in the step mount (${join(directory, 'theirs/link/etc')} ${where}): too many symbolic links encountered.`,
  ]);
});

describe.skipIf(!isStaticLauncher)('a sandbox with ids of its own', () => {
  it('is root inside, somebody else outside, and owns its files with natural ids on disk', async () => {
    const script =
      'id -u; cat /proc/self/uid_map; touch /root/mine; chown 42:43 /root/mine; stat -c %u:%g /root/mine; echo x > /proc/sys/kernel/core_pattern';
    const { result, stdout, stderr } = await run(sandbox(['sh', '-c', script]));
    const { uid, gid } = statSync(join(rootfs, 'root/mine'));
    expect({ result, stdout, uid, gid }).toEqual({
      result: { kind: 'exited', code: 1 },
      stdout: '0\n         0     300000      65536\n42:43\n',
      uid: 42,
      gid: 43,
    });
    expect(stderr).toMatch(/can't create \/proc\/sys\/kernel\/core_pattern/);
  });

  it('mounts an overlay of its own', async () => {
    const layers = ['upper', 'work', 'merged'].map((name) => join(directory, 'layers', name));
    for (const layer of layers) mkdirSync(layer, { recursive: true });
    const [, , merged] = layers as [string, string, string];
    const layersPath = join(directory, 'layers');
    const launch = bwrapLaunch(
      ['sh', '-c', 'echo changed > /etc/hosts; rm /etc/group; stat -c %u /etc/hosts'],
      {
        userNamespace,
        mountNamespace: true,
        hostMounts: [bind({ idmap: 'sandbox' }), bind({ source: layersPath, target: layersPath, idmap: 'sandbox' })],
        sandboxMounts: [
          {
            kind: 'mount',
            type: 'overlay',
            source: 'overlay',
            target: merged,
            flags: ['nosuid', 'nodev'],
            options: `lowerdir=${place()},upperdir=${layersPath}/upper,workdir=${layersPath}/work,userxattr`,
          },
        ],
      },
      merged,
    );
    expect(await run(launch)).toEqual({ result: { kind: 'exited', code: 0 }, stdout: '0\n', stderr: '' });
    expect({
      upper: readFileSync(join(layersPath, 'upper/etc/hosts'), 'utf8'),
      lower: readFileSync(join(rootfs, 'etc/hosts'), 'utf8') === 'changed\n',
    }).toEqual({ upper: 'changed\n', lower: false });
    expect(statSync(join(layersPath, 'upper/etc/hosts')).uid).toBe(0);
  });

  it('sees a directory of a host user as its own, and what it writes there is that user’s', async () => {
    const shared = join(directory, 'shared');
    mkdirSync(shared);
    chownSync(shared, 1234, 1235);
    const mount = bind({
      source: shared,
      root: place(),
      target: '/mnt/deep/er',
      idmap: { uid: 1234, gid: 1235 },
      create: 'directory',
      recursive: true,
    });
    const { stdout } = await run(sandbox(['sh', '-c', 'stat -c %u:%g /mnt/deep/er; touch /mnt/deep/er/file'], [mount]));
    const { uid, gid } = statSync(join(shared, 'file'));
    expect({ stdout, uid, gid }).toEqual({ stdout: '0:0\n', uid: 1234, gid: 1235 });
  });

  it('cannot write what is bound read only', async () => {
    const mount = bind({ source: '/etc/passwd', root: place(), target: '/mnt/file', create: 'file', readOnly: true });
    const { result, stdout } = await run(sandbox(['sh', '-c', 'wc -l < /mnt/file; echo x > /mnt/file'], [mount]));
    expect({ result, lines: Number(stdout) > 0 }).toEqual({ result: { kind: 'exited', code: 1 }, lines: true });
  });

  it('has mount targets made beneath its own root only, whatever links lie in it', async () => {
    symlinkSync(directory, join(rootfs, 'mnt/absolute'));
    symlinkSync('../../../../../../../../..' + directory, join(rootfs, 'mnt/relative'));
    symlinkSync('/no/such', join(rootfs, 'mnt/dangling'));
    symlinkSync('/proc/self/root', join(rootfs, 'mnt/magic'));
    const before = readdirSync(directory).sort();
    for (const target of [
      '/mnt/absolute/made',
      '/mnt/relative/made',
      '/mnt/dangling/made',
      '/mnt/dangling',
      '/mnt/magic/made',
      '/mnt/../../../../made',
    ]) {
      const mount = bind({ source: '/etc', root: place(), target, create: 'directory' });
      await run(sandbox(['true'], [mount])).catch((error: unknown) => expect(error).toMatchObject({ code: 'launch-failed' }));
    }
    expect(readdirSync(directory).sort()).toEqual(before);
    expect(existsSync('/made')).toBe(false);
  });

  it('has only the planned supplementary groups, which the kernel sorts by its own numbers', async () => {
    const kvm = { inside: 65536, outside: 107, count: 1 };
    const maps = { ...userNamespace, gidMap: [...range, kvm] };
    const groups = async (changes: Partial<Launch>): Promise<string> =>
      (await run(bareLaunch(['/bin/sh', '-c', 'id -G'], { userNamespace: maps, ...changes }))).stdout.trim();
    expect({ none: await groups({}), wanted: await groups({ groups: [5, kvm.inside] }) }).toEqual({ none: '0', wanted: '0 65536 5' });
  });

  it('leaves no mount on the host', async () => {
    await run(sandbox(['true']));
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(place());
  });
});

describe('a plain user’s sandbox', () => {
  const uid = 4321;
  const asUser = (command: readonly string[]): readonly string[] => [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${uid}`,
    '--clear-groups',
    '--',
    ...command,
  ];

  async function runAsUser(launch: Launch): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const launcher = await launcherPath();
    const record = join(directory, 'record');
    writeFileSync(record, encodeLaunchRecord(launch, { supervised: false }), { mode: 0o644 });
    const [file = '', ...args] = asUser(['sh', '-c', 'exec "$0" 3 4 3< "$1" 4> /dev/null', launcher, record]);
    const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000, env: { PATH: '/usr/bin:/bin' } });
    return { status, stdout, stderr };
  }

  it('has the caller’s subordinate ids by newuidmap and newgidmap', async () => {
    for (const name of ['subuid', 'subgid', 'passwd', 'group']) {
      const entry = {
        subuid: `${uid}:500000:65536`,
        subgid: `${uid}:500000:65536`,
        passwd: `h1test:x:${uid}:${uid}::/:/bin/sh`,
        group: `h1test:x:${uid}:`,
      }[name];
      const copy = join(directory, name);
      writeFileSync(copy, `${readFileSync(`/etc/${name}`, 'utf8')}${entry}\n`, { mode: 0o644 });
      execFileSync('mount', ['--bind', copy, `/etc/${name}`]);
    }
    try {
      const map = [
        { inside: 0, outside: uid, count: 1 },
        { inside: 1, outside: 500000, count: 65535 },
      ];
      const launch = bwrapLaunch(['sh', '-c', 'id -u; id -G; cat /proc/self/uid_map /proc/self/gid_map'], {
        userNamespace: { writer: 'newidmap', uidMap: map, gidMap: map, newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' },
        mountNamespace: true,
      });
      const lines = '         0       4321          1\n         1     500000      65535\n';
      expect(await runAsUser(launch)).toEqual({ status: 0, stdout: `0\n0\n${lines}${lines}`, stderr: '' });
    } finally {
      for (const name of ['subuid', 'subgid', 'passwd', 'group']) execFileSync('umount', [`/etc/${name}`]);
    }
  });

  it('has the caller’s one id without subordinate ones', async () => {
    const map = [{ inside: 0, outside: uid, count: 1 }];
    const launch = bwrapLaunch(['sh', '-c', 'id -u; cat /proc/self/uid_map /proc/self/setgroups'], {
      userNamespace: { writer: 'single', uidMap: map, gidMap: map },
    });
    expect(await runAsUser(launch)).toEqual({ status: 0, stdout: '0\n         0       4321          1\ndeny\n', stderr: '' });
  });

  it('is not started with ids that are not the caller’s', async () => {
    const launch = bareLaunch(['/bin/echo', 'started'], { userNamespace });
    expect(await runAsUser(launch)).toMatchObject({ status: 125, stdout: '' });
  });
});

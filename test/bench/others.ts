import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Ground } from './ground.ts';
import type { Candidate } from './stopwatch.ts';
import { pretendKernelThread } from './kernel-thread.ts';

/** What each leaves out of what isolate does; all were started as root. */
export const lacks: Readonly<Record<string, string>> = {
  'isolate -z through the daemon': 'a clone of its own that is thrown away, ids without root, filter, own session, pids, mounts, IPC',
  'bare bwrap': 'with the same options, on a clone that stays; makes no clone, gives none back, no ids of its own, no supervision',
  'isolate -t DIR --ephemeral': 'the same without ZFS and without the daemon: an overlay made at the start and removed at the end',
  'podman run --rootfs DIR:O': 'crun, overlay that is thrown away, no network, no cgroup, no log; root inside is root outside',
  'crun run': 'on a bundle written before; changes stay; root inside is root outside',
  'schroot, union-type=overlay': 'a session with an overlay that is thrown away; chroot only: no pids, ids, network or filter of its own',
  'lxc-execute': 'on an overlay made before; changes stay between runs; root inside is root outside',
  'firejail --chroot': 'changes stay; filter and caps by profile, none here; root inside is root outside',
  'systemd-nspawn --volatile=overlay': 'an overlay that is thrown away; registers nothing; root inside is root outside',
  'systemd-run -p RootDirectory=': 'as a service: changes stay, no pids or ids of its own, cgroup and log',
};

const podmanRun = ['--rm', '--runtime', 'crun', '--network', 'none', '--cgroups=disabled', '--log-driver', 'none'];
const nspawn = ['--quiet', '--volatile=overlay', '--register=no', '--keep-unit'];

/** Commands for the other programs, with their state and settings below the scratch directory or on mounts of our own. */
export async function prepareOthers({ directory, scratch }: Ground): Promise<{
  readonly candidates: Readonly<Record<string, Omit<Candidate, 'name'>>>;
  readonly end: () => void;
}> {
  const state = (name: string): string => {
    const path = join(scratch, 'others', name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const mounted: string[] = [];
  const mount = (...args: readonly string[]): void => {
    execFileSync('mount', args, { timeout: 10_000 });
    mounted.push(args.at(-1)!);
  };
  // crun does not work beside cgroups of the first version; those of the second are all that it is shown.
  mount('-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup');
  prepareSchroot(directory, mount);
  if (existsSync('/etc/firejail/firejail.config')) {
    const config = join(state('firejail'), 'config');
    writeFileSync(config, `${readFileSync('/etc/firejail/firejail.config', 'utf8')}\nchroot yes\n`);
    mount('--bind', config, '/etc/firejail/firejail.config');
  }
  const thread = pretendKernelThread(state('firejail'));
  // It refuses paths of more than 50 characters.
  const short = mkdtempSync(join(tmpdir(), 'p-'));
  const podman = ['--root', 'root', '--runroot', 'run', '--tmpdir', 'tmp'].map((word) => (word.startsWith('-') ? word : join(short, word)));
  const candidates = {
    'podman run --rootfs DIR:O': ['podman', ...podman, 'run', ...podmanRun, '--rootfs', `${directory}:O`, 'true'],
    'crun run': [
      'crun',
      '--root',
      state('crun'),
      '--cgroup-manager=disabled',
      'run',
      '--bundle',
      writeBundle(state('bundle'), directory),
      'b',
    ],
    'schroot, union-type=overlay': ['schroot', '--chroot', 'bench', '--directory', '/', '--', 'true'],
    'lxc-execute': ['lxc-execute', '-P', state('lxc'), '-n', 'bench', '-f', writeLxc(state('lxc'), directory), '--', '/bin/true'],
    'firejail --chroot': ['firejail', '--quiet', '--noprofile', `--chroot=${directory}`, 'true'],
    'systemd-nspawn --volatile=overlay': ['systemd-nspawn', ...nspawn, '--directory', directory, 'true'],
  };
  return {
    candidates: Object.fromEntries(Object.entries(candidates).map(([name, command]) => [name, { command }])),
    end: () => {
      thread.end();
      for (const path of mounted.toReversed()) execFileSync('umount', [path], { timeout: 10_000 });
    },
  };
}

function prepareSchroot(directory: string, mount: (...args: readonly string[]) => void): void {
  if (!existsSync('/etc/schroot/chroot.d')) return;
  mount('-t', 'tmpfs', 'tmpfs', '/etc/schroot/chroot.d');
  mount('-t', 'tmpfs', 'tmpfs', '/var/lib/schroot');
  for (const name of ['session', 'unpack', 'union/underlay', 'union/overlay'])
    mkdirSync(join('/var/lib/schroot', name), { recursive: true });
  const lines = [
    '[bench]',
    'type=directory',
    `directory=${directory}`,
    'union-type=overlay',
    'users=root',
    'root-users=root',
    'profile=minimal',
  ];
  writeFileSync('/etc/schroot/chroot.d/bench.conf', `${lines.join('\n')}\n`, { mode: 0o644 });
}

function writeBundle(bundle: string, directory: string): string {
  if (spawnSync('crun', ['spec', '--bundle', bundle], { timeout: 10_000 }).status !== 0) return bundle;
  const file = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { process: object; linux: { resources?: object } };
  delete config.linux.resources;
  Object.assign(config.process, { terminal: false, args: ['true'] });
  writeFileSync(file, JSON.stringify({ ...config, root: { path: directory, readonly: false } }));
  return bundle;
}

function writeLxc(state: string, directory: string): string {
  const file = join(state, 'config');
  const upper = join(state, 'upper');
  mkdirSync(upper);
  const lines = [
    `lxc.rootfs.path = overlay:${directory}:${upper}`,
    'lxc.uts.name = bench',
    'lxc.net.0.type = empty',
    'lxc.apparmor.profile = unconfined',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

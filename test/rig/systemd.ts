import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { debianRootfs } from './rootfs.ts';

const execFileAsync = promisify(execFile);
const top = join(import.meta.dirname, '../..');
const PACKAGES = ['systemd-sysv', 'dbus', 'zfs-fuse', 'bubblewrap', 'uidmap'];
const NAME = 'systemd';

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Debian 12 has systemd 252, Debian 13 has 257. */
export const releases = ['bookworm', 'trixie'] as const;
export type Release = (typeof releases)[number];

export interface SystemdOptions {
  /** isolate is installed as by a package, or is no more than a built checkout. */
  readonly as?: 'package' | 'checkout';
  /** Absent: bookworm. */
  readonly release?: Release;
}

/** A Debian system of its own with systemd as its first process, isolate installed and its units in place. */
export interface SystemdContainer {
  /** Where its files are seen from here. */
  readonly rootfs: string;
  /** Runs a command inside as root; the time limit ends it with status 124. */
  readonly run: (command: readonly [string, ...string[]], timeoutMs?: number) => Promise<CommandResult>;
  /** As `run`, but throws what the command wrote where it fails; returns its stdout. */
  readonly must: (command: readonly [string, ...string[]], timeoutMs?: number) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the container and waits until its system is up. Needs root, a mount namespace of one's own (test/rig/enter) and
 * the built dist/. Its changes live in a tmpfs and are gone after `stop`.
 */
export async function startSystemd({ as = 'package', release = 'bookworm' }: SystemdOptions = {}): Promise<SystemdContainer> {
  const lower = await debianRootfs(PACKAGES, { release });
  const directory = await mkdtemp(join(tmpdir(), 'isolate-systemd-'));
  await execFileAsync('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', directory]);
  const rootfs = join(directory, 'rootfs');
  await Promise.all(['rootfs', 'upper', 'work'].map((name) => mkdir(join(directory, name))));
  const layers = `lowerdir=${lower},upperdir=${join(directory, 'upper')},workdir=${join(directory, 'work')}`;
  await execFileAsync('mount', ['-t', 'overlay', '-o', layers, 'overlay', rootfs]);
  // Its init script fails in a container, where it may not protect the daemon from the OOM killer; tests start the daemon.
  await symlink('/dev/null', join(rootfs, 'etc/systemd/system/zfs-fuse.service'));
  await (as === 'package' ? install(rootfs) : checkOut(join(rootfs, checkout)));
  const config = join(directory, 'config');
  await writeFile(config, containerConfig(rootfs, directory));

  const lxc = spawn('lxc-start', ['-F', '-P', directory, '-n', NAME, '-f', config], { stdio: 'ignore' });
  const container: SystemdContainer = {
    rootfs,
    run: (command, timeoutMs = 60_000) => attach(directory, command, timeoutMs),
    must: async (command, timeoutMs = 60_000) => {
      const { status, stdout, stderr } = await attach(directory, command, timeoutMs);
      if (status !== 0) throw new Error(`${command.join(' ')}: status ${String(status)}\n${stdout}${stderr}`);
      return stdout;
    },
    stop: () => stop(directory, rootfs, lxc),
  };
  try {
    await execFileAsync('lxc-wait', ['-P', directory, '-n', NAME, '-s', 'RUNNING', '-t', '60']);
    await waitForSystem(container);
  } catch (error) {
    await container.stop();
    throw error;
  }
  return container;
}

/** Where the built checkout lies that scripts/install can install. */
export const checkout = '/usr/local/src/isolate-checkout';

/** As a Debian package would: the program below /usr/lib, a link in PATH, units, sysusers and tmpfiles. */
async function install(rootfs: string): Promise<void> {
  await copyProgram(join(rootfs, 'usr/lib/isolate'));
  await symlink('../lib/isolate/dist/isolate', join(rootfs, 'usr/bin/isolate'));
  await symlink('../lib/isolate/dist/isolate-gate', join(rootfs, 'usr/bin/isolate-gate'));
  for (const name of (await readdir(join(top, 'units'))).filter((unit) => /\.(?:path|service|socket|timer)$/.test(unit))) {
    await cp(join(top, 'units', name), join(rootfs, 'usr/lib/systemd/system', name));
  }
  await cp(join(top, 'units/isolate-sysusers.conf'), join(rootfs, 'usr/lib/sysusers.d/isolate.conf'));
  await cp(join(top, 'units/isolate-tmpfiles.conf'), join(rootfs, 'usr/lib/tmpfiles.d/isolate.conf'));
}

async function checkOut(directory: string): Promise<void> {
  await copyProgram(directory);
  for (const name of ['docs', 'scripts', 'units', 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'package-lock.json']) {
    await cp(join(top, name), join(directory, name), { recursive: true });
  }
}

async function copyProgram(directory: string): Promise<void> {
  await cp(join(top, 'dist'), join(directory, 'dist'), { recursive: true });
  const node = `node_modules/node-linux-${process.arch}/bin`;
  await mkdir(join(directory, node), { recursive: true });
  await cp(join(top, node, 'node'), join(directory, node, 'node'));
}

function containerConfig(rootfs: string, directory: string): string {
  return [
    'lxc.uts.name = systemd',
    `lxc.rootfs.path = dir:${rootfs}`,
    'lxc.init.cmd = /sbin/init',
    'lxc.mount.auto = proc:rw sys:rw cgroup:mixed',
    // The kernel lets a sandbox mount /proc only where one is seen whole; LXC covers a part of the one in its place.
    'lxc.mount.entry = proc dev/.lxc/proc proc create=dir,optional 0 0',
    'lxc.mount.entry = /dev/fuse dev/fuse none bind,create=file 0 0',
    'lxc.apparmor.profile = unconfined',
    'lxc.cap.drop =',
    'lxc.autodev = 1',
    'lxc.net.0.type = empty',
    'lxc.tty.max = 0',
    // For /dev/ptmx, without which systemd makes no private /dev.
    'lxc.pty.max = 16',
    'lxc.signal.halt = SIGRTMIN+3',
    `lxc.console.logfile = ${join(directory, 'console.log')}`,
    '',
  ].join('\n');
}

async function waitForSystem(container: SystemdContainer): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    // Until systemd listens there is nothing to wait with; then it answers when the boot is over.
    const { stdout } = await container.run(['systemctl', 'is-system-running', '--wait'], 30_000);
    if (['running', 'degraded'].includes(stdout.trim())) return;
    if (Date.now() > deadline) throw new Error(`the container's system did not come up: ${stdout.trim()}`);
  }
}

async function attach(directory: string, command: readonly string[], timeoutMs: number): Promise<CommandResult> {
  const seconds = String(Math.ceil(timeoutMs / 1000));
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const words = [
    '-P',
    directory,
    '-n',
    NAME,
    '--clear-env',
    '--set-var',
    path,
    '--set-var',
    'LC_ALL=C',
    '--',
    '/usr/bin/timeout',
    seconds,
    ...command,
  ];
  const child = spawn('lxc-attach', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status: status ?? 255, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

async function stop(directory: string, rootfs: string, lxc: ChildProcess): Promise<void> {
  const ended = lxc.exitCode !== null || lxc.signalCode !== null ? Promise.resolve() : once(lxc, 'exit');
  await execFileAsync('lxc-stop', ['-P', directory, '-n', NAME, '-k'], { timeout: 30_000 }).catch(() => lxc.kill('SIGKILL'));
  await ended;
  await execFileAsync('umount', [rootfs]);
  await execFileAsync('umount', [directory]);
  await rm(directory, { recursive: true });
}

import { chmodSync, cpSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';

const busybox = '/bin/busybox';
const passwd = 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\n';

/** What a distribution's root is made of: directories, links (`from` to `to`) and files (with their text), and where programs are. */
interface Layout {
  readonly programs: string;
  readonly directories?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Mode of the root directory; 0755 unless given. */
  readonly mode?: number;
}

const mountpoints = ['dev', 'proc', 'sys', 'tmp'];
const plain = [...mountpoints, 'etc', 'home', 'opt', 'root', 'run', 'var/tmp'];
const merged = { bin: 'usr/bin', sbin: 'usr/sbin', lib: 'usr/lib' };

/** Skeletons of roots as distributions lay them out, and of odd ones, each with busybox as its programs. */
export const layouts: Readonly<Record<string, Layout>> = {
  'Debian, with the link of systemd-resolved': {
    programs: 'usr/bin',
    directories: [...plain, 'usr/sbin', 'usr/lib'],
    links: { ...merged, 'etc/resolv.conf': '../run/systemd/resolve/stub-resolv.conf' },
  },
  'Debian before /usr was merged': { programs: 'bin', directories: [...plain, 'sbin', 'lib', 'usr/bin', 'usr/lib'] },
  Alpine: { programs: 'bin', directories: [...plain, 'sbin', 'lib', 'usr/bin', 'media'], files: { 'etc/hosts': '127.0.0.1 localhost' } },
  Arch: { programs: 'usr/bin', directories: [...plain, 'usr/lib'], links: { ...merged, sbin: 'usr/bin', lib64: 'usr/lib' } },
  'Fedora, whose root is 0555': {
    programs: 'usr/bin',
    directories: [...plain, 'usr/sbin', 'usr/lib'],
    links: { ...merged, 'etc/resolv.conf': '/run/systemd/resolve/stub-resolv.conf' },
    mode: 0o555,
  },
  Void: {
    programs: 'usr/bin',
    directories: [...plain, 'usr/lib'],
    links: { ...merged, sbin: 'usr/bin', 'etc/resolv.conf': '/run/resolvconf/r' },
  },
  NixOS: {
    programs: 'nix/store/busybox/bin',
    directories: [...mountpoints, 'etc', 'run', 'usr/bin', 'nix/store/etc'],
    links: { bin: 'nix/store/busybox/bin', 'etc/static': '/nix/store/etc', 'etc/hosts': '/etc/static/hosts' },
    files: { 'nix/store/etc/hosts': '127.0.0.1 localhost\n' },
  },
  OSTree: {
    programs: 'usr/bin',
    directories: [
      ...mountpoints.filter((name) => name !== 'tmp'),
      'etc',
      'run',
      'usr/sbin',
      'usr/lib',
      'sysroot/tmp',
      'var/home',
      'var/opt',
    ],
    links: { ...merged, home: 'var/home', opt: 'var/opt', root: 'var/roothome', tmp: 'sysroot/tmp' },
  },
  'absolute links for /tmp, /home, /opt and resolv.conf': {
    programs: 'bin',
    directories: [...mountpoints.filter((name) => name !== 'tmp'), 'etc', 'var/tmp', 'srv/home', 'srv/opt'],
    links: { tmp: '/var/tmp', home: '/srv/home', opt: '/srv/opt', 'etc/resolv.conf': '/srv/there/is/no/such' },
  },
  'links to what is missing': {
    programs: 'bin',
    directories: ['etc', 'dev', 'proc', 'sys'],
    links: { tmp: 'var/tmp', opt: 'gone/opt', var: 'gone/var' },
  },
  'nothing but /bin': { programs: 'bin' },
  'a root for its owner alone': { programs: 'bin', directories: plain, mode: 0o700 },
};

/** Makes the skeleton at `directory`, which must not exist. */
export function makeLayout({ programs, directories = [], links = {}, files = {}, mode = 0o755 }: Layout, directory: string): void {
  for (const name of [programs, ...directories]) mkdirSync(join(directory, name), { recursive: true });
  if (directories.includes('tmp')) chmodSync(join(directory, 'tmp'), 0o1777);
  cpSync(busybox, join(directory, programs, 'busybox'));
  const { stdout } = spawnSync(busybox, ['--list'], { encoding: 'utf8' });
  for (const name of stdout.split('\n').filter((applet) => applet !== '' && applet !== 'busybox')) {
    symlinkSync('busybox', join(directory, programs, name));
  }
  for (const [from, to] of Object.entries(links)) symlinkSync(to, join(directory, from));
  for (const [name, text] of Object.entries({
    ...(programs === 'bin' && directories.length === 0 ? {} : { 'etc/passwd': passwd }),
    ...files,
  })) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  chmodSync(directory, mode);
}

/** Every path of a tree with its kind and mode, or where it links to. No link is followed: some lead to the host's own files. */
export function listTree(directory: string, above = ''): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    const name = `${above}${entry.name}`;
    const line = `${name} ${entry.isSymbolicLink() ? readlinkSync(path) : lstatSync(path).mode.toString(8)}`;
    return [line, ...(entry.isDirectory() ? listTree(path, `${name}/`) : [])];
  });
}

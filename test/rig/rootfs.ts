import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const top = join(import.meta.dirname, '../..');
const cache = join(top, '.cache/rootfs');

/** The recipe is part of the cache's key: raise it when anything below changes what the tree looks like. */
const RECIPE = 1;
const BUSYBOX = '/bin/busybox';
const DIRECTORIES = ['bin', 'dev', 'etc', 'home', 'lib', 'mnt', 'opt', 'proc', 'root', 'run', 'sys', 'usr', 'var/lib', 'var/log'];
const FILES = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  'etc/os-release': 'ID=busybox\nNAME=BusyBox\nPRETTY_NAME="BusyBox test root"\n',
};

/**
 * A root tree of busybox with all its applets. Without `directory` the shared one under .cache, which nobody may
 * write to; with it (must not exist) a copy of one's own.
 */
export async function busyboxRootfs(directory?: string): Promise<string> {
  const binary = await readFile(BUSYBOX);
  const key = createHash('sha256')
    .update(`${String(RECIPE)}\n`)
    .update(binary)
    .digest('hex')
    .slice(0, 16);
  const shared = join(cache, `busybox-${key}`);
  if (!(await exists(shared))) {
    await makeBusyboxRootfs(shared);
  }
  return directory === undefined ? shared : copyRootfs(shared, directory);
}

/**
 * A minimal root of a Debian release, the host's own unless another is named, with `packages`. Made by
 * scripts/debian-rootfs (40 s the first time). Shared: nobody may write to it.
 */
export async function debianRootfs(packages: readonly string[] = [], { release }: { readonly release?: string } = {}): Promise<string> {
  const options = release === undefined ? [] : ['--release', release];
  const { stdout } = await execFileAsync(join(top, 'scripts/debian-rootfs'), [...options, ...packages], { timeout: 900_000 });
  return stdout.trim();
}

/** Copies a tree with owners, modes and times (cp(1) -a) to `directory`, which must not exist. */
export async function copyRootfs(source: string, directory: string): Promise<string> {
  await execFileAsync('cp', ['-a', '--reflink=auto', '-T', '--', source, directory], { timeout: 120_000 });
  return directory;
}

async function makeBusyboxRootfs(directory: string): Promise<void> {
  const work = `${directory}.${randomBytes(6).toString('hex')}`;
  await Promise.all(DIRECTORIES.map((name) => mkdir(join(work, name), { recursive: true })));
  await Promise.all(Object.entries(FILES).map(([name, content]) => writeFile(join(work, name), content)));
  await Promise.all(
    ['tmp', 'var/tmp'].map(async (name) => {
      await mkdir(join(work, name));
      await chmod(join(work, name), 0o1777);
    }),
  );
  await chmod(join(work, 'root'), 0o700);
  await copyFile(BUSYBOX, join(work, 'bin/busybox'), constants.COPYFILE_FICLONE);
  await chmod(join(work, 'bin/busybox'), 0o755);
  const { stdout } = await execFileAsync(BUSYBOX, ['--list'], { timeout: 60_000 });
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  await Promise.all(applets.map((name) => symlink('busybox', join(work, 'bin', name))));
  for (const name of ['usr/bin', 'usr/sbin']) {
    await symlink('../bin', join(work, name));
  }
  await symlink('bin', join(work, 'sbin'));
  try {
    await rename(work, directory);
  } catch (error) {
    await rm(work, { recursive: true });
    // Another test file was quicker; its tree is the same.
    if (!(await exists(directory))) {
      throw error;
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

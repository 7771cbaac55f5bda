import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { IsolateError } from '../error.ts';
import { makeDirectories } from '../process/make-directories.ts';
import { writeCpio } from './cpio.ts';
import { type Compression, hasDirectEntry, readImage } from './image.ts';
import { moduleName, type ModuleInfo, orderModules, readModuleInfo } from './module.ts';
import { type FindProgram, unpack } from './unpack.ts';

/** A kernel of somebody's choice. */
export interface KernelChoice {
  /** An image, compressed or not. */
  readonly file: string;
  /** Absent: what the image says. */
  readonly release?: string;
  /** The directory with the modules of each release; it may lack this one's, if all that a machine needs is built in. */
  readonly modules: string;
}

/** What a machine boots. */
export interface BootFiles {
  readonly kernel: string;
  readonly initramfs: string;
  /** The directory with all modules of its release; null: there is none. */
  readonly modules: string | null;
}

export interface KernelContext {
  /** isolate's own initramfs. */
  readonly initramfs: string;
  /** Where what was made is kept for later runs. */
  readonly cache: string;
  readonly find: FindProgram;
}

/** What init loads, by when it does (guest/modules.c): at once, for disks, for network cards. */
const wantedModules = {
  base: ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p'],
  disk: ['virtio_blk', 'crc32c_generic', 'ext4'],
  network: ['virtio_net'],
} as const;

/** So many are kept, and each for at least this time, because a run may be about to use it. */
const [mostKept, leastKeptMs] = [4, 3_600_000];

/**
 * Unpacks a kernel and puts the modules that a machine needs into an initramfs; or finds what was made of the same files before. Throws
 * `bad-kernel`, `missing-tool`, and the errors of the file system.
 */
export async function prepareKernel(choice: KernelChoice, context: KernelContext): Promise<BootFiles> {
  // Before it is read: what takes its place later has another one.
  const stamp = stampOf(choice.file);
  const bytes = readKernel(choice.file);
  const image = readImage(choice.file, bytes);
  const release = choice.release ?? image.release;
  const tree = release === null ? null : listModules(join(choice.modules, release));
  const key = createHash('sha256');
  for (const part of [stamp, stampOf(context.initramfs), ...(tree?.stamps ?? [])]) key.update(`${part}\n`);
  const place = join(context.cache, key.digest('hex').slice(0, 32));
  const files = { kernel: join(place, 'kernel'), initramfs: join(place, 'initramfs'), modules: tree?.directory ?? null };
  if (statSync(files.initramfs, { throwIfNoEntry: false }) !== undefined) {
    utimesSync(place, new Date(), new Date());
    return files;
  }
  const kernel = image.payload === null ? bytes : await unpack(choice.file, image.payload.bytes, image.payload.compression, context.find);
  if (!hasDirectEntry(kernel)) {
    throw new IsolateError('bad-kernel', `${choice.file} is no kernel that a machine can boot: it was built without CONFIG_PVH.`);
  }
  const modules = tree === null ? [] : await packModules(tree, context.find);
  keep(context.cache, place, { kernel, initramfs: Buffer.concat([readFileSync(context.initramfs), writeCpio(modules)]) });
  return files;
}

function readKernel(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new IsolateError('bad-kernel', `The kernel ${file} cannot be read.`, { cause });
  }
}

function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return `${path} ${stats?.dev} ${stats?.ino} ${stats?.size} ${stats?.mtimeMs} ${stats?.ctimeMs}`;
}

/** The modules of a release, by their names. */
interface ModuleTree {
  readonly directory: string;
  readonly paths: ReadonlyMap<string, string>;
  readonly stamps: readonly string[];
}

/** Null: there is no such directory. */
function listModules(directory: string): ModuleTree | null {
  const paths = new Map<string, string>();
  const stamps: string[] = [];
  try {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const [, name] = /^(.+)\.ko(?:\.(?:gz|xz|zst))?$/.exec(entry.name) ?? [];
      if (name === undefined || !entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      paths.set(moduleName(name), path);
      stamps.push(stampOf(path));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return { directory, paths, stamps: stamps.toSorted() };
}

const suffixes: Readonly<Record<string, Compression>> = { '.gz': 'gzip', '.xz': 'xz', '.zst': 'zstd' };

async function packModules({ directory, paths }: ModuleTree, find: FindProgram): Promise<Parameters<typeof writeCpio>[0]> {
  const contents = new Map<string, Buffer>();
  const infos = new Map<string, ModuleInfo>();
  const read = async (name: string): Promise<ModuleInfo | null> => {
    const path = paths.get(name);
    const known = infos.get(name);
    if (known !== undefined) return known;
    if (path === undefined) return null;
    const [suffix = ''] = /\.(?:gz|xz|zst)$/.exec(path) ?? [];
    const compression = suffixes[suffix];
    const bytes = compression === undefined ? readFileSync(path) : await unpack(path, readFileSync(path), compression, find);
    const info = readModuleInfo(bytes);
    if (info === null) throw new IsolateError('bad-kernel', `${path} is no kernel module.`);
    contents.set(name, bytes);
    infos.set(name, info);
    return info;
  };
  const builtin = builtinModules(directory);
  const missing = wantedModules.base.find((name) => builtin !== null && !paths.has(name) && !builtin.has(name));
  if (missing !== undefined) {
    throw new IsolateError(
      'bad-kernel',
      `The kernel ${basename(directory)} has no ${missing}, neither built in nor as a module in ${directory}.`,
      {
        hint: 'use a general kernel, such as linux-image-amd64; cloud kernels often lack 9p',
      },
    );
  }
  const entries: { readonly name: string; readonly mode: number; readonly content?: Buffer }[] = [{ name: 'modules', mode: 0o040755 }];
  const packed = new Set<string>();
  for (const [when, wanted] of Object.entries(wantedModules)) {
    entries.push({ name: `modules/${when}`, mode: 0o040755 });
    for (const [index, name] of (await orderModules(wanted, read)).filter((one) => !packed.has(one)).entries()) {
      packed.add(name);
      const content = contents.get(name) ?? Buffer.alloc(0);
      entries.push({ name: `modules/${when}/${String(index).padStart(3, '0')}-${name}`, mode: 0o100644, content });
    }
  }
  return entries;
}

/** Null: the directory does not say. */
function builtinModules(directory: string): ReadonlySet<string> | null {
  try {
    const lines = readFileSync(join(directory, 'modules.builtin'), 'utf8').split('\n');
    return new Set(lines.map((line) => moduleName(basename(line).replace(/\.ko$/, ''))));
  } catch {
    return null;
  }
}

/** Moves the files into place in one step, so that no run sees half of them. If two runs do so at once, the files of the first one stay. */
function keep(cache: string, place: string, files: Readonly<Record<'kernel' | 'initramfs', Buffer>>): void {
  makeDirectories(cache, 0o755);
  const draft = mkdtempSync(join(cache, 'new-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      // On the disk before it has its name, and readable for a sandbox's ids whatever the umask.
      writeFileSync(join(draft, name), content, { flush: true });
      chmodSync(join(draft, name), 0o644);
    }
    renameSync(draft, place);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const others = readdirSync(cache)
    .map((name) => ({ path: join(cache, name), usedMs: statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .toSorted((a, b) => b.usedMs - a.usedMs);
  for (const { path, usedMs } of others.slice(mostKept)) {
    if (usedMs < Date.now() - leastKeptMs) rmSync(path, { recursive: true, force: true });
  }
}

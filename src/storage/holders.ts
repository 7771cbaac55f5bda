import { readdir, readFile, readlink } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { parseMountinfo, type MountEntry } from '../host/mountinfo.ts';
import type { Holder } from './driver.ts';
import { findInside } from './inside.ts';

/** What a holder has mounted: a ZFS dataset, or a directory of a file system (`root` and below, on `device`). */
export type Held =
  | { readonly kind: 'zfs'; readonly dataset: string }
  | { readonly kind: 'directory'; readonly device: string; readonly root: string; readonly path: string };

/** The requests that wait for the next scan of all processes. */
let waiting: {
  readonly held: Held;
  readonly resolve: (holders: readonly Holder[]) => void;
  readonly reject: (error: unknown) => void;
}[] = [];
let isLooking = false;

/**
 * The processes in whose mount namespace `held` is mounted, and those of this process's own namespace that use it. A user can make many
 * namespaces with tens of thousands of mounts, so each is read once for all requests, and other work gets its turn in between. Throws what
 * the system says where nobody can be looked at.
 */
export function findHolders(held: Held): Promise<readonly Holder[]> {
  return new Promise((resolve, reject) => {
    waiting.push({ held, resolve, reject });
    if (!isLooking) void look();
  });
}

async function look(): Promise<void> {
  isLooking = true;
  await nextTurn();
  while (waiting.length > 0) {
    const asked = waiting;
    waiting = [];
    try {
      const found = await lookOnce(asked.map(({ held }) => held));
      for (const [index, { resolve }] of asked.entries()) resolve(found[index] ?? []);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
  isLooking = false;
}

async function lookOnce(all: readonly Held[]): Promise<readonly (readonly Holder[])[]> {
  const own = await readlink('/proc/self/ns/mnt').catch(() => '');
  const places = await readPlaces(all);
  const endMs = performance.now() + mostInsideMs;
  const seen = new Map<string, readonly boolean[]>();
  const found: Holder[][] = all.map(() => []);
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // A process that has just ended or belongs to another user holds nothing that can be reported.
    const [namespace, root] = await Promise.all(['ns/mnt', 'root'].map((link) => readlink(`/proc/${name}/${link}`).catch(() => '')));
    if (namespace === '') continue;
    // It sees the mounts below its own root.
    const key = `${namespace} ${root}`;
    const holds = namespace === own ? await readInside(name, places, endMs) : (seen.get(key) ?? (await readHeld(name, all)));
    if (namespace !== own) seen.set(key, holds);
    if (!holds.includes(true)) continue;
    const command = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '');
    for (const [index, isOne] of holds.entries()) if (isOne) found[index]?.push({ pid: Number(name), command: command.trimEnd() });
  }
  for (const holders of found) holders.sort((a, b) => a.pid - b.pid);
  return found;
}

/** Where each is visible in this mount namespace. */
async function readPlaces(all: readonly Held[]): Promise<readonly (readonly string[])[]> {
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
  return all.map((held) =>
    held.kind === 'directory' ? [held.path] : mounts.filter((mount) => isHeld([mount], held)).map(({ mountpoint }) => mountpoint),
  );
}

/** Looking into every process takes long if there are many; later ones are left out. */
const mostInsideMs = 1500;

async function readInside(process: string, places: readonly (readonly string[])[], endMs: number): Promise<readonly boolean[]> {
  const directories = places.flat();
  if (directories.length === 0 || performance.now() > endMs) return places.map(() => false);
  const inside = await findInside(process, directories);
  return places.map((own) => own.some((directory) => inside[directories.indexOf(directory)]));
}

async function readHeld(process: string, all: readonly Held[]): Promise<readonly boolean[]> {
  const text = await readFile(`/proc/${process}/mountinfo`, 'utf8').catch(() => '');
  const holds: boolean[] = [];
  for (const held of all) {
    holds.push(await shows(text, held));
    await nextTurn();
  }
  return holds;
}

/** How many lines are read before other work gets its turn. */
const sliceSize = 500;

/** As `isHeld`, for a mountinfo text; parses only lines that may match. */
async function shows(text: string, held: Held): Promise<boolean> {
  const signs = held.kind === 'zfs' ? [` ${held.dataset} `] : [` ${held.device} `, 'upperdir='];
  for (const sign of signs) {
    for (let at = text.indexOf(sign), count = 1; at !== -1; count += 1) {
      const end = text.indexOf('\n', at);
      const line = text.slice(text.lastIndexOf('\n', at) + 1, end === -1 ? undefined : end);
      if (isHeld(parseMountinfo(line), held)) return true;
      if (count % sliceSize === 0) await nextTurn();
      at = end === -1 ? -1 : text.indexOf(sign, end);
    }
  }
  return false;
}

/** Whether one of these mounts shows `held`. */
export function isHeld(mounts: readonly MountEntry[], held: Held): boolean {
  if (held.kind === 'zfs') {
    return mounts.some(({ type, source }) => (type === 'zfs' || type === 'fuse.zfs') && source === held.dataset);
  }
  return mounts.some((mount) => {
    const bound = mount.device === held.device && isBeneath(mount.root, held.root);
    const upper = mount.type === 'overlay' && mount.superOptions.some((option) => isBeneath(option.replace(/^upperdir=/, ''), held.path));
    return bound || upper;
  });
}

/** Where a path is in its file system: the device and the path from the file system's root; null: no mount. */
export function locate(mounts: readonly MountEntry[], path: string): { device: string; root: string } | null {
  let best: MountEntry | null = null;
  for (const mount of mounts) {
    // A later mount covers an earlier one at the same place.
    if (isBeneath(path, mount.mountpoint) && mount.mountpoint.length >= (best?.mountpoint.length ?? 0)) best = mount;
  }
  if (best === null) return null;
  const below = best.mountpoint === '/' ? path : path.slice(best.mountpoint.length);
  return { device: best.device, root: best.root === '/' ? below || '/' : best.root + below };
}

function isBeneath(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

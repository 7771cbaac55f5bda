import { readdir, readFile } from 'node:fs/promises';
import { parseMountinfo, type MountEntry } from '../host/mountinfo.ts';
import type { Holder } from './driver.ts';

/** What a holder has mounted: a ZFS dataset, or a directory of a file system (`root` and below, on `device`). */
export type Held =
  | { readonly kind: 'zfs'; readonly dataset: string }
  | { readonly kind: 'directory'; readonly device: string; readonly root: string; readonly path: string };

/** The processes in whose mount namespace `held` is mounted, this process's own namespace left out. */
export async function findHolders(held: Held): Promise<readonly Holder[]> {
  const own = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const holders: Holder[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // A process that ends meanwhile, or belongs to somebody else, holds nothing that can be told.
    const text = await readFile(`/proc/${name}/mountinfo`, 'utf8').catch(() => '');
    if (text === own || !isHeld(parseMountinfo(text), held)) continue;
    const command = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '');
    holders.push({ pid: Number(name), command: command.trimEnd() });
  }
  return holders.sort((a, b) => a.pid - b.pid);
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

/** Where in its file system a path lies: the device and the path from the file system's root; null without a mount. */
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

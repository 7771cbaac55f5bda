import type { Socket } from 'node:net';

import { placeOf, type Rootfs } from '../rootfs/rootfs.ts';
import type { HandedOverHooks } from './handed-over-hook.ts';
import { type HookRunner, hostHooks } from './hooks.ts';

/** A clone from the daemon is mounted nowhere that a hook could see. */
export async function chooseHooks(
  rootfs: Rootfs,
  { launcher, sandboxDirectory, connection }: Pick<HandedOverHooks, 'launcher' | 'sandboxDirectory'> & { readonly connection?: Socket },
): Promise<HookRunner> {
  const [part] = rootfs.parts;
  if (connection === undefined || part.ownership.kind !== 'mapped') return hostHooks(rootfs);
  const { handedOverHooks } = await import('./handed-over-hook.ts');
  return handedOverHooks({ launcher, connection, sandboxDirectory, name: placeOf(rootfs), maps: part.ownership });
}

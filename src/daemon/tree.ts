import { getSystemErrorMap } from 'node:util';

import { IsolateError } from '../error.ts';
import type { IdMaps } from '../rootfs/rootfs.ts';

/** What the broker makes and hands to a client: a user namespace with these maps, and a mount of `path` within it. */
export interface Tree extends IdMaps {
  /** Whose the namespace is. */
  readonly uid: number;
  readonly gid: number;
  /** Mount it with the ids of the namespace; false: its files have the ids already. */
  readonly idmapped: boolean;
  /** Of the clone, from the daemon's own state. */
  readonly path: string;
}

/** A tree with the device that is to be at its path when its turn comes. */
export interface PlacedTree extends Tree {
  /** As stat(2) has it. */
  readonly device: number;
}

/** Of gate/PROTOCOL.md's `failed`. */
const treeSteps = ['', 'mount', 'user namespace', 'id map', 'lock', 'send'];

/** Why a tree could not be made, by the step and the errno that the broker tells. */
export function treeFailure(step: number, errno: number): IsolateError {
  const what = treeSteps[step] ?? String(step);
  const why = getSystemErrorMap().get(-errno)?.[1] ?? `error ${errno}`;
  return new IsolateError('daemon-failed', `The clone could not be handed over: the step ${what} failed: ${why}.`);
}

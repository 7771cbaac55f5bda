import { getSystemErrorMap } from 'node:util';

import { IsolateError } from '../error.ts';
import type { IdMaps } from '../rootfs/rootfs.ts';

/** What the broker makes and hands to a client: a user namespace with these maps, and a mount of `path` in it. */
export interface Tree extends IdMaps {
  /** The owner of the namespace. */
  readonly uid: number;
  readonly gid: number;
  /** Mount it with the ids of the namespace; false: its files already have these ids. */
  readonly idmapped: boolean;
  /** Of the clone, from the daemon's own state. */
  readonly path: string;
}

/** A tree with the device that must be at its path when its turn comes. */
export interface PlacedTree extends Tree {
  /** As stat(2) has it. */
  readonly device: number;
}

/** The steps of `failed` in gate/PROTOCOL.md. */
const treeSteps = ['', 'mount', 'user namespace', 'id map', 'lock', 'send'];

/** Why a tree could not be made, from the step and errno that the broker reports. */
export function treeFailure(step: number, errno: number): IsolateError {
  const what = treeSteps[step] ?? String(step);
  const why = getSystemErrorMap().get(-errno)?.[1] ?? `error ${errno}`;
  return new IsolateError('daemon-failed', `The clone could not be handed over: the step ${what} failed: ${why}.`);
}

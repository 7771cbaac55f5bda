import type { Facts } from '../../host/facts.ts';
import { type FillingRequest, runAsCaller, runInFilling } from './filling.ts';
import { targetInside } from './launches.ts';
import { claimFillingPlace, type FillingTarget } from './place.ts';

/** Runs programs that read a tree. */
export interface TreeReader {
  /** The tree as the programs see it. */
  readonly path: string;
  readonly run: (request: FillingRequest) => Promise<number>;
  readonly release: () => void;
}

/** With the caller's own rights. */
export function readAsCaller(path: string, facts: Facts): TreeReader {
  return { path, run: (request) => runAsCaller(facts, request), release: () => {} };
}

/** In a sandbox with the ids of the tree's owners, where owners are those that runs see. */
export function readInSandbox(tree: FillingTarget, facts: Facts): TreeReader {
  const place = claimFillingPlace(tree, facts);
  return { path: targetInside, run: (request) => runInFilling(place, request), release: place.release };
}

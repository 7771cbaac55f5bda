import type { Socket } from 'node:net';

import { planGivenTrees } from '../engine/given-trees.ts';
import type { Facts } from '../host/facts.ts';
import { runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import type { SessionRecord } from '../session/record.ts';
import { rootName } from '../spec/root-ref.ts';
import { leaseToLook } from './daemon-lease.ts';
import type { GivenBase, Leased } from './leased.ts';
import { planTreeProgram, type SeenTree, startTree, type StartedTree } from './tree-program.ts';

/** Which of the trees that the daemon hands over isolate-tree sees, and where. */
export interface WantedTree extends Pick<SeenTree, 'inside' | 'writable'> {
  readonly tree: 'clone' | 'base';
}

/** The clone of a session that the daemon keeps, with what it was made of. */
export interface GivenSession {
  /** null: it was not asked for. */
  readonly base: GivenBase | null;
  /** Starts isolate-tree, one after the other: the daemon hands the trees over anew each time. */
  readonly start: (args: readonly string[], trees: readonly WantedTree[], signal?: AbortSignal) => Promise<StartedTree>;
}

export interface GivenOptions {
  readonly facts: Facts;
  /** What is done with it, for `isolate ps`. */
  readonly verb: string;
  readonly withBase: boolean;
}

/** Leases a session from the daemon to this process alone. Throws `session-in-use`, `daemon-failed`, and the daemon's refusals. */
export async function withGivenSession<T>(
  record: SessionRecord,
  { facts, verb, withBase }: GivenOptions,
  action: (session: GivenSession) => Promise<T>,
): Promise<T> {
  const { name, root, engine } = record;
  const command = ['isolate', verb, name];
  const { leased, connection } = await leaseToLook(rootName(root), { session: name, engine, command, withBase });
  try {
    return await action(givenTrees(facts, leased, connection.handOver()));
  } finally {
    connection.close();
  }
}

/** What a lease that was handed over shows to isolate-tree. */
export function givenTrees(facts: Facts, { path, base, uidMap, gidMap }: Omit<Leased, 'view'>, connection: Socket): GivenSession {
  const names = [path, ...(base === undefined ? [] : [base.path])];
  const { paths, ...place } = planGivenTrees(names, { uidMap, gidMap }, runtimePaths(systemRuntimeDirectory).sandbox);
  let last: Promise<unknown> = Promise.resolve();
  return {
    base: base ?? null,
    start: async (args, wanted, signal) => {
      const trees = wanted.map(({ tree, ...seen }) => ({ ...seen, source: paths[tree === 'clone' ? 0 : 1] ?? '' }));
      const before = last;
      const starting = before.then(() => startTree(facts, planTreeProgram(facts, args, { ...place, trees }), { signal, connection }));
      last = starting.then(({ result }) => result).catch(() => undefined);
      return await starting;
    },
  };
}

import { findEngine } from '../engine/registry.ts';
import type { Facts } from '../host/facts.ts';
import { planTreeProgram, startTree, type StartedTree } from '../run/tree-program.ts';
import { treeInside, withLeasedSession, withSessionTree } from '../run/session-tree.ts';

/** The root of a session or run, in which isolate-tree can be started. */
export interface Guest {
  /** Where isolate-tree sees it. */
  readonly root: string;
  /** Where runs have something of their own over it, which is not there now. */
  readonly covered: readonly string[];
  readonly start: (words: readonly string[], signal?: AbortSignal) => Promise<StartedTree>;
}

export interface GuestOptions {
  readonly facts: Facts;
  readonly warn: (message: string) => void;
  readonly writable: boolean;
}

/** Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function withGuest<T>(name: string, options: GuestOptions, action: (guest: Guest) => Promise<T>): Promise<T> {
  const { facts, writable } = options;
  return await withLeasedSession(name, options, async (session) =>
    withSessionTree(session, facts, writable, async (place) => {
      const start = async (words: readonly string[], signal?: AbortSignal): Promise<StartedTree> =>
        startTree(facts, planTreeProgram(facts, words, place), signal);
      const covered = findEngine(session.record.engine).capabilities.mountpoints;
      return await action({ root: treeInside, covered, start });
    }),
  );
}

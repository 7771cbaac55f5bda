import type { Facts } from '../host/facts.ts';
import { type ChangedRoot, givenRoot, withChangedRoot } from '../run/changed-root.ts';
import { findCallersSession } from '../run/find-session.ts';
import { withGivenSession } from '../run/given-session.ts';
import { withLeasedSession } from '../run/session-tree.ts';

/** Gives `action` the root of a session of the caller, which nobody else uses. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function withSessionRoot<T>(
  name: string,
  facts: Facts,
  warn: (message: string) => void,
  action: (root: ChangedRoot) => Promise<T>,
): Promise<T> {
  const { record, keptBy } = await findCallersSession(name);
  if (keptBy === 'daemon') {
    return await withGivenSession(record, { facts, verb: 'diff', withBase: true }, (given) => action(givenRoot(given)));
  }
  return await withLeasedSession(record, { facts, warn }, ({ pool, lease }) => withChangedRoot(pool, facts, lease, action));
}

import type { Facts } from '../host/facts.ts';
import type { Outcome } from '../launch/outcome.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool } from '../pool/pool.ts';
import { findSession } from '../session/index-files.ts';
import { keepAsSession, type LastRun, leaseSession } from '../session/keep.ts';
import type { Keeping, WantedSpec } from '../spec/spec.ts';
import type { HandedLease } from './daemon-lease.ts';
import { callersSessions } from './callers-index.ts';
import type { Release } from './give-back.ts';
import type { RunEvent } from './run-event.ts';

/** What a run that uses a session's clone, or makes one, needs. */
export interface KeepOptions {
  readonly pool: Pool;
  readonly facts: Facts;
  readonly tell: (event: RunEvent) => void;
}

/** A root that becomes a session, or goes back to one. */
export type KeptRoot = Lease & { readonly giveBack: Release['giveBack'] };

/** The clone of a session, for one run. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function enterSession(spec: WantedSpec, name: string, { pool }: KeepOptions): Promise<KeptRoot> {
  const owner = callersSessions();
  const lease = await leaseSession(pool, owner, findSession(owner.index, owner.uid, name), lastRun(spec));
  return { ...lease, giveBack: lease.release };
}

/** Makes a leased clone a session from the start of the run. Throws `session-exists`, and the storage's error. */
export async function keepRoot(spec: WantedSpec, keeping: Keeping, leased: Lease, { pool, tell }: KeepOptions): Promise<KeptRoot> {
  const { name } = keeping;
  const kept = await keepAsSession(pool, leased, callersSessions(), { name, root: spec.root, ...lastRun(spec) });
  const giveBack = async (outcome: Outcome | undefined): Promise<void> => {
    if (!isKept(keeping, outcome)) return await kept.drop();
    await kept.lease.release();
    tell(keptNotice(kept.name));
  };
  return { ...kept.lease, giveBack };
}

/** The same for a clone that the daemon keeps. */
export function tellKept(keeping: Keeping, lease: HandedLease, tell: KeepOptions['tell']): HandedLease & Pick<KeptRoot, 'giveBack'> {
  const { session = '', handed } = lease;
  const giveBack = async (outcome: Outcome | undefined): Promise<void> => {
    if (outcome === undefined) handed.failed();
    await lease.release();
    if (isKept(keeping, outcome)) tell(keptNotice(session));
  };
  return { ...lease, giveBack };
}

/** Whether a root stays after a run that ended so; undefined: it did not begin. */
export function isKept({ when }: Keeping, outcome: Outcome | undefined): boolean {
  return outcome !== undefined && (when === 'always' || outcome.kind !== 'exited' || outcome.code !== 0);
}

export function keptNotice(name: string): RunEvent {
  return { kind: 'notice', message: `This root is kept as ${name}: isolate enter ${name}` };
}

/** What a session remembers of a run. */
export function lastRun({ engine, command }: Pick<WantedSpec, 'engine' | 'command'>): LastRun {
  return { engine, command: command ?? [] };
}

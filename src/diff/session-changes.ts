import type { BytePath, Change } from '../changes/change.ts';
import { findMoves } from '../changes/moves.ts';
import type { Report } from '../changes/finding.ts';
import { makeReport } from '../changes/report/report.ts';
import { textsWanted } from '../changes/report/texts-wanted.ts';
import type { Facts } from '../host/facts.ts';
import { takeSession } from '../pool/lease/keep.ts';
import { placeOf } from '../rootfs/rootfs.ts';
import { openRootPool } from '../run/root.ts';
import { callersSessions } from '../run/find-session.ts';
import { findSession } from '../session/index-files.ts';
import type { ChangedTrees } from '../storage/driver.ts';
import { compareTrees, haveSameContent, readFiles } from './compare.ts';

/** What a session was changed in, while its trees can be read. */
export interface SessionChanges {
  readonly changes: readonly Change[];
  readonly report: Report;
  readonly trees: ChangedTrees;
}

/** More of a file is not read for the report. */
const mostReportBytes = 16 * 1024 * 1024;

/** Gives `action` what a session of the caller was changed in. Throws `session-missing`, `session-in-use`, and the storage's error. */
export async function withSessionChanges<T>(
  name: string,
  facts: Facts,
  warn: (message: string) => void,
  action: (changes: SessionChanges) => Promise<T>,
): Promise<T> {
  const { uid, index } = callersSessions();
  const record = findSession(index, uid, name);
  const pool = await openRootPool(record.root, facts, { warn });
  const lease = await takeSession(pool, { ...record.clone, owners: record.owners });
  try {
    const clone = (await pool.driver.list()).find(({ id }) => id === record.clone.id);
    if (clone === undefined) throw new Error('A leased clone is not there.');
    const trees = await pool.driver.openChanges(clone, lease.onShelf?.seenAt ?? placeOf(lease.rootfs));
    try {
      const changes: Change[] = [];
      for await (const change of compareTrees(facts, trees)) changes.push(change);
      return await action({ changes, report: await reportOn(facts, trees, changes), trees });
    } finally {
      await trees.close();
    }
  } finally {
    await lease.release();
    pool.shelf.end();
  }
}

/** The same changes, with what was moved as one each. */
export async function withMoves(facts: Facts, { changes, trees }: SessionChanges, foldDirectories: boolean): Promise<readonly Change[]> {
  return await findMoves(changes, {
    keepsInodes: trees.form.kind === 'trees' && trees.form.sameInodes,
    foldDirectories,
    areSame: (pairs) => haveSameContent(facts, trees, pairs),
  });
}

async function reportOn(facts: Facts, trees: ChangedTrees, changes: readonly Change[]): Promise<Report> {
  const files = await readFiles(facts, trees, textsWanted(changes), mostReportBytes);
  const decode = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
  const texts = new Map<BytePath, { readonly before: string | null; readonly after: string | null }>();
  for (const [path, { before, after }] of files) texts.set(path, { before: decode(before), after: decode(after) });
  return makeReport(changes, texts);
}

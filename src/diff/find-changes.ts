import type { BytePath, Change } from '../changes/change.ts';
import { concerns, isChosen } from '../changes/choose.ts';
import type { Report } from '../changes/finding.ts';
import { findMoves } from '../changes/moves.ts';
import { withNaturalOwners } from '../changes/natural-owners.ts';
import { makeReport } from '../changes/report/report.ts';
import { textsWanted } from '../changes/report/texts-wanted.ts';
import type { Texts } from '../changes/report/rule.ts';
import { compareTrees, haveSameContent } from './compare.ts';
import { naturalIds } from './natural-ids.ts';
import type { ChangedRoot } from '../run/changed-root.ts';
import { refuseMissing } from './refuse-missing.ts';
import { readPairs } from './read-files.ts';

export interface ChangesWanted {
  /** Only what is at these paths and below; empty: everything. */
  readonly paths: readonly BytePath[];
  /** A moved directory is one change, and what is below it only where it differs. */
  readonly foldDirectories: boolean;
  readonly signal?: AbortSignal;
}

/** What a tree was changed in, and what that means. */
export interface FoundChanges {
  /** In the order of a walk, with what was moved as one each. */
  readonly changes: readonly Change[];
  readonly report: Report;
}

/** Throws `usage` for a path that is in neither tree, `storage-failed`, `missing-tool`, the reason of the signal. */
export async function findChanges(open: ChangedRoot, { paths, foldDirectories, signal }: ChangesWanted): Promise<FoundChanges> {
  const sides = naturalIds(open.stored);
  const all: Change[] = [];
  for await (const change of compareTrees(open, signal)) {
    const natural = withNaturalOwners(change, sides);
    const seen = natural !== null && open.form.kind === 'layer' ? withoutLayersOwner(natural) : natural;
    if (seen !== null) all.push(seen);
  }
  refuseMissing(open.stored, all, paths);
  const texts = await readTexts(open, all, signal);
  const moved = await findMoves(all, {
    keepsInodes: open.form.kind === 'trees' && open.form.sameInodesSinceMs !== null,
    foldDirectories: foldDirectories && paths.length === 0,
    areSame: (pairs) => haveSameContent(open, pairs),
  });
  if (paths.length === 0) return { changes: moved, report: makeReport(all, texts) };
  const report = makeReport(all, texts, (path) => isChosen(path, paths));
  return { changes: moved.filter((change) => concerns(change, paths)), report };
}

/** The top of a user's layer is the user's from the start, also over a directory of somebody else's. */
function withoutLayersOwner(change: Change): Change | null {
  if (change.path !== '.') return change;
  const isLayers = { owner: isOwnOver(change, 'uid'), group: isOwnOver(change, 'gid') };
  const kinds = change.kinds.filter((kind) => (kind !== 'owner' && kind !== 'group') || !isLayers[kind]);
  return kinds.length === 0 ? null : { ...change, kinds };
}

function isOwnOver({ before, after }: Change, id: 'uid' | 'gid'): boolean {
  return before?.[id] === null && after?.[id] === 0;
}

/** More of a file is not read for the report. */
const mostReportBytes = 16 * 1024 * 1024;

async function readTexts(open: ChangedRoot, changes: readonly Change[], signal: AbortSignal | undefined): Promise<Texts> {
  const changed = new Set(changes.map(({ path }) => path));
  const paths = textsWanted(changes);
  // A layer has only what was changed.
  const pairs = paths.map((path) => ({ before: path, after: changed.has(path) ? path : null }));
  const files = await readPairs(open, pairs, mostReportBytes, signal);
  const decode = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
  return new Map(
    files.map(({ before, after }, at) => {
      const path = paths[at] ?? '';
      const text = decode(before);
      return [path, { before: text, after: changed.has(path) ? decode(after) : text }];
    }),
  );
}

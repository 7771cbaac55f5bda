import type { BytePath, Change } from './change.ts';
import { differences } from './differences.ts';
import { nameOf, parentOf } from './paths.ts';

/** A file on both sides, perhaps. */
export interface PathPair {
  readonly before: BytePath;
  readonly after: BytePath;
}

export interface MoveFacts {
  /** Both sides are of one file system, on which a file keeps its number. A number may still have been given to another file. */
  readonly keepsInodes: boolean;
  /** A moved directory is one change, and what is below it only where it differs; otherwise everything below it is moved. */
  readonly foldDirectories: boolean;
  /** Whether the regular files of each pair, which have the same size, have the same content. Each pair is asked about once. */
  areSame(pairs: readonly PathPair[]): Promise<readonly boolean[]>;
}

/** A change of which one side is missing. */
type Ends = ReadonlyMap<BytePath, Change>;

/** What is known so far. */
interface Search {
  readonly gone: Ends;
  readonly fresh: Ends;
  /** From the path before to the path after, and back. */
  readonly forth: Map<BytePath, BytePath>;
  readonly back: Map<BytePath, BytePath>;
  /** Whether the contents of a pair are the same, by `pairKey`. */
  readonly answers: Map<string, boolean>;
  readonly facts: MoveFacts;
}

/**
 * Makes one change, of the kinds `added` and `deleted` and of what differs, of a deleted and an added path that are the same file: the
 * number says so, or the size, mode, owner and content do and no other file comes into question. The order stays. Takes linear time.
 */
export async function findMoves(changes: readonly Change[], facts: MoveFacts): Promise<readonly Change[]> {
  const ends = (kind: 'added' | 'deleted'): Ends =>
    new Map(changes.flatMap((change) => (change.kinds.includes(kind) ? [[change.path, change] as const] : [])));
  const search: Search = { gone: ends('deleted'), fresh: ends('added'), forth: new Map(), back: new Map(), answers: new Map(), facts };
  if (search.gone.size === 0 || search.fresh.size === 0) return changes;
  if (facts.keepsInodes) await pairFiles(search, inodeKey, (one, other) => one.modifiedNs === other.modifiedNs);
  await pairFiles(search, (change, side) => contentKey(change, side, true));
  await pairFiles(search, (change, side) => contentKey(change, side, false));
  pairDirectories(search);
  pairBelowDirectories(search);
  await askAbout(
    search,
    pairsOf(search)
      .filter(([before, after]) => isAskedAbout(before, after))
      .map(toPaths),
  );
  return changes.flatMap((change) => merge(change, search));
}

type State = NonNullable<Change['before']>;
type Key = (change: Change, side: 'before' | 'after') => string | null;

function inodeKey(change: Change, side: 'before' | 'after'): string | null {
  const state = change[side];
  return state === null || state.kind === 'directory' ? null : `${state.kind} ${state.inode} ${state.sizeBytes} ${state.target ?? ''}`;
}

function contentKey(change: Change, side: 'before' | 'after', withTime: boolean): string | null {
  const state = change[side];
  if (state?.kind !== 'file' || state.sizeBytes === 0) return null;
  return `${state.sizeBytes} ${state.mode} ${state.uid} ${state.gid} ${withTime ? state.modifiedNs : ''}`;
}

/** Pairs the one deleted and the one added file that have a key, if their contents are the same. Files without content must be alike. */
async function pairFiles(search: Search, key: Key, areAlike: (one: State, other: State) => boolean = () => false): Promise<void> {
  const gone = byKey(search.gone, search.forth, (change) => key(change, 'before'));
  const fresh = byKey(search.fresh, search.back, (change) => key(change, 'after'));
  const pairs: (readonly [Change, Change])[] = [];
  for (const [name, before] of gone) {
    const after = fresh.get(name);
    if (before === null || after === null || after === undefined) continue;
    if (isAskedAbout(before, after)) pairs.push([before, after]);
    else if (before.before !== null && after.after !== null && areAlike(before.before, after.after)) pair(search, toPaths([before, after]));
  }
  await askAbout(search, pairs.map(toPaths));
  for (const [before, after] of pairs) {
    const paths = toPaths([before, after]);
    if (search.answers.get(pairKey(paths)) === true) pair(search, paths);
  }
}

/** null: more than one has the key. */
function byKey(ends: Ends, taken: ReadonlyMap<BytePath, BytePath>, key: (change: Change) => string | null): Map<string, Change | null> {
  const found = new Map<string, Change | null>();
  for (const change of ends.values()) {
    const name = taken.has(change.path) ? null : key(change);
    if (name !== null) found.set(name, found.has(name) ? null : change);
  }
  return found;
}

function isAskedAbout({ before }: Change, { after }: Change): boolean {
  return before?.kind === 'file' && after?.kind === 'file' && before.sizeBytes === after.sizeBytes && after.sizeBytes > 0;
}

const toPaths = ([before, after]: readonly [Change, Change]): PathPair => ({ before: before.path, after: after.path });

async function askAbout({ answers, facts }: Search, pairs: readonly PathPair[]): Promise<void> {
  const open = pairs.filter((pair) => !answers.has(pairKey(pair)));
  if (open.length === 0) return;
  const said = await facts.areSame(open);
  for (const [index, pair] of open.entries()) answers.set(pairKey(pair), said[index] ?? false);
}

const pairKey = ({ before, after }: PathPair): string => `${before}\0${after}`;

function pair({ forth, back }: Search, { before, after }: PathPair): void {
  forth.set(before, after);
  back.set(after, before);
}

function pairsOf({ forth, gone, fresh }: Search): readonly (readonly [Change, Change])[] {
  return [...forth].flatMap(([before, after]) => {
    const [one, other] = [gone.get(before), fresh.get(after)];
    return one === undefined || other === undefined ? [] : [[one, other] as const];
  });
}

/**
 * Pairs directories, those below first. The files that were moved out of one into one other under the same names vote for it: all of
 * them must agree, and they must be half of what was there, or the number of the directory must be the same. Without votes, the number and
 * the time must be.
 */
function pairDirectories(search: Search): void {
  const { gone, fresh, forth } = search;
  const isDirectory = (state: State | null): state is State => state?.kind === 'directory';
  const byInode = new Map([...fresh.values()].flatMap(({ path, after }) => (isDirectory(after) ? [[after.inode, path] as const] : [])));
  const sizes = new Map<BytePath, number>();
  for (const path of gone.keys()) sizes.set(parentOf(path), (sizes.get(parentOf(path)) ?? 0) + 1);
  const votes = new Map<BytePath, { readonly target: BytePath | null; readonly count: number }>();
  const vote = ({ before, after }: PathPair): void => {
    if (nameOf(before) !== nameOf(after)) return;
    const old = votes.get(parentOf(before));
    const target = old === undefined || old.target === parentOf(after) ? parentOf(after) : null;
    votes.set(parentOf(before), { target, count: (old?.count ?? 0) + 1 });
  };
  for (const [before, after] of forth) vote({ before, after });
  for (const { path, before } of [...gone.values()].reverse()) {
    if (!isDirectory(before)) continue;
    const numbered = search.facts.keepsInodes ? byInode.get(before.inode) : undefined;
    const { target = null, count = 0 } = votes.get(path) ?? {};
    const isVoted = target !== null && (target === numbered || count * 2 >= (sizes.get(path) ?? 0));
    const isKept = numbered !== undefined && !votes.has(path) && fresh.get(numbered)?.after?.modifiedNs === before.modifiedNs;
    const after = isVoted ? target : isKept ? numbered : null;
    if (after === null || search.back.has(after) || !isDirectory(fresh.get(after)?.after ?? null)) continue;
    pair(search, { before: path, after });
    vote({ before: path, after });
  }
}

/** What is in a moved directory under the same name went with it, whatever else it resembles. */
function pairBelowDirectories(search: Search): void {
  const { gone, fresh, forth, back } = search;
  for (const { path, before } of gone.values()) {
    const parent = gone.has(parentOf(path)) ? forth.get(parentOf(path)) : undefined;
    const after = parent === undefined ? undefined : `${parent}/${nameOf(path)}`;
    const there = after === undefined ? undefined : fresh.get(after);
    if (after === undefined || there === undefined || forth.get(path) === after) continue;
    if ((before?.kind === 'directory') !== (there.after?.kind === 'directory')) continue;
    const [oldAfter, oldBefore] = [forth.get(path), back.get(after)];
    if (oldAfter !== undefined) back.delete(oldAfter);
    if (oldBefore !== undefined) forth.delete(oldBefore);
    pair(search, { before: path, after });
  }
}

function merge(change: Change, search: Search): readonly Change[] {
  const { gone, forth, back, answers, facts } = search;
  if (change.kinds.includes('deleted') && forth.has(change.path)) return [];
  const movedFrom = change.kinds.includes('added') ? back.get(change.path) : undefined;
  const before = movedFrom === undefined ? undefined : gone.get(movedFrom);
  if (movedFrom === undefined || before === undefined) return [change];
  const isBelow = back.get(parentOf(change.path)) === parentOf(movedFrom) && nameOf(change.path) === nameOf(movedFrom);
  const isCarried = facts.foldDirectories && isBelow && forth.get(parentOf(movedFrom)) === parentOf(change.path);
  const { kinds, attributes } = differences(before, change, answers.get(pairKey({ before: movedFrom, after: change.path })) ?? false);
  if (isCarried && kinds.length === 0) return [];
  return [{ ...change, kinds: isCarried ? kinds : ['added', 'deleted', ...kinds], before: before.before, attributes, movedFrom }];
}

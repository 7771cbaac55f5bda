import { expect, test } from 'vitest';

import type { Change, FileState } from '../../../src/changes/change.ts';
import { findMoves, type MoveFacts, type PathPair } from '../../../src/changes/moves.ts';
import { added, bytes, change, deleted, directoryState, fileState } from '../../rig/sample-changes.ts';

const directory = { kind: 'directory', mode: 0o755, sizeBytes: 4096 } as const;

/** Whether contents are the same is asked of `same`, which has `before after` of those that are. */
function facts(same: readonly string[], rest: Partial<MoveFacts> = {}): MoveFacts & { readonly asked: string[] } {
  const asked: string[] = [];
  const areSame = async (pairs: readonly PathPair[]): Promise<readonly boolean[]> => {
    const words = pairs.map(({ before, after }) => `${before} ${after}`);
    asked.push(...words);
    return words.map((each) => same.includes(each));
  };
  return { keepsInodes: false, foldDirectories: true, areSame, asked, ...rest };
}

/** Kinds and paths. */
const summary = (changes: readonly Change[]): readonly string[] =>
  changes.map(({ kinds, path, movedFrom }) => `${kinds.join(' ')}: ${movedFrom === undefined ? '' : `${movedFrom} -> `}${path}`);

test('a file under another name with the same content was moved', async () => {
  const changes = [deleted('a', { inode: 1n }), added('b', { inode: 2n })];
  expect(await findMoves(changes, facts(['a b']))).toEqual([
    change('b', ['added', 'deleted'], fileState({ inode: 1n }), fileState({ inode: 2n }), { movedFrom: 'a' }),
  ]);
  expect(await findMoves(changes, facts([]))).toEqual(changes);
});

test.each<readonly [string, Partial<FileState>]>([
  ['another size', { sizeBytes: 101 }],
  ['another mode', { mode: 0o600 }],
  ['another owner', { uid: 1 }],
  ['another group', { gid: 1 }],
  ['no content', { sizeBytes: 0 }],
  ['another type', { kind: 'link', target: 'x' }],
])('nobody asks about a file with %s', async (_, parts) => {
  const changes = [deleted('a', parts.sizeBytes === 0 ? parts : {}), added('b', parts)];
  const given = facts(['a b']);
  expect(await findMoves(changes, given)).toEqual(changes);
  expect(given.asked).toEqual([]);
});

test('two files that could be the new one leave it open', async () => {
  const changes = [deleted('a'), added('b'), added('c')];
  expect(await findMoves(changes, facts(['a b', 'a c']))).toEqual(changes);
  expect(await findMoves([deleted('a'), deleted('b'), added('c')], facts(['a c', 'b c']))).toEqual([
    deleted('a'),
    deleted('b'),
    added('c'),
  ]);
});

test('the time of a file tells which of several it is', async () => {
  const changes = [deleted('a', { modifiedNs: 1n }), added('b', { modifiedNs: 1n }), added('c', { modifiedNs: 2n })];
  expect(summary(await findMoves(changes, facts(['a b', 'a c'])))).toEqual(['added deleted: a -> b', 'added: c']);
});

test('no pair is asked about twice', async () => {
  const given = facts([], { keepsInodes: true });
  await findMoves([deleted('a'), added('b')], given);
  expect(given.asked).toEqual(['a b']);
});

test('the number of a file is not enough, because another file may have got it', async () => {
  const changes = [deleted('a'), added('b')];
  expect(await findMoves(changes, facts([], { keepsInodes: true }))).toEqual(changes);
  const empty = [deleted('a', { sizeBytes: 0, modifiedNs: 1n }), added('b', { sizeBytes: 0, modifiedNs: 2n })];
  expect(await findMoves(empty, facts([], { keepsInodes: true }))).toEqual(empty);
});

test('the number finds a moved file of another mode and owner, and what else is no regular file', async () => {
  const changes = [
    deleted('a', { inode: 1n }),
    added('b', { inode: 1n, mode: 0o4755, uid: 5 }),
    deleted('link', { kind: 'link', inode: 2n, target: 'x' }),
    added('moved', { kind: 'link', inode: 2n, target: 'x' }),
    deleted('other', { kind: 'link', inode: 3n, target: 'x' }),
    added('otherwise', { kind: 'link', inode: 3n, target: 'y' }),
  ];
  expect(summary(await findMoves(changes, facts(['a b'], { keepsInodes: true })))).toEqual([
    'added deleted mode owner: a -> b',
    'added deleted: link -> moved',
    'deleted: other',
    'added: otherwise',
  ]);
});

test('hard links of one file leave open which was moved', async () => {
  const changes = [deleted('a'), deleted('b'), added('c')];
  expect(await findMoves(changes, facts(['a c', 'b c'], { keepsInodes: true }))).toEqual(changes);
});

/** `a` became `b`: one file is as it was, one has other content, one is gone, one is new. */
const movedDirectory = [
  deleted('a', { ...directory, inode: 10n }),
  deleted('a/edited', { inode: 11n, sizeBytes: 5 }),
  deleted('a/gone', { inode: 12n, sizeBytes: 6 }),
  deleted('a/same', { inode: 13n, sizeBytes: 7 }),
  deleted('a/sub', { ...directory, inode: 14n }),
  deleted('a/sub/deep', { inode: 15n, sizeBytes: 8, mode: 0o600 }),
  added('b', { ...directory, inode: 10n, modifiedNs: 9n }),
  added('b/edited', { inode: 11n, sizeBytes: 50 }),
  added('b/fresh', { inode: 16n, sizeBytes: 60 }),
  added('b/same', { inode: 13n, sizeBytes: 7 }),
  added('b/sub', { ...directory, inode: 14n, mode: 0o700 }),
  added('b/sub/deep', { inode: 15n, sizeBytes: 8, mode: 0o600 }),
];

test.each([true, false])('a moved directory is one change, and what differs below it (numbers are kept: %s)', async (keepsInodes) => {
  const found = await findMoves(movedDirectory, facts(['a/same b/same', 'a/sub/deep b/sub/deep'], { keepsInodes }));
  expect(summary(found)).toEqual([
    'deleted: a/gone',
    'added deleted: a -> b',
    'content: a/edited -> b/edited',
    'added: b/fresh',
    'mode: a/sub -> b/sub',
  ]);
  expect(found[2]).toEqual(
    change('b/edited', ['content'], fileState({ inode: 11n, sizeBytes: 5 }), fileState({ inode: 11n, sizeBytes: 50 }), {
      movedFrom: 'a/edited',
    }),
  );
});

test('without folding, everything below a moved directory was moved', async () => {
  const found = await findMoves(
    movedDirectory,
    facts(['a/same b/same', 'a/sub/deep b/sub/deep'], { keepsInodes: true, foldDirectories: false }),
  );
  expect(summary(found)).toEqual([
    'deleted: a/gone',
    'added deleted: a -> b',
    'added deleted content: a/edited -> b/edited',
    'added: b/fresh',
    'added deleted: a/same -> b/same',
    'added deleted mode: a/sub -> b/sub',
    'added deleted: a/sub/deep -> b/sub/deep',
  ]);
});

test('a directory of which most was deleted was not moved', async () => {
  const changes = [
    deleted('a', { ...directory, inode: 1n }),
    ...['1', '2', '3'].map((name) => deleted(`a/${name}`, { sizeBytes: Number(name) })),
    added('b', { ...directory, inode: 2n }),
    added('b/1', { sizeBytes: 1 }),
  ];
  expect(summary(await findMoves(changes, facts(['a/1 b/1'])))).toEqual([
    'deleted: a',
    'deleted: a/2',
    'deleted: a/3',
    'added: b',
    'added deleted: a/1 -> b/1',
  ]);
});

test('a directory whose files went to two others was not moved', async () => {
  const changes = [
    deleted('a', { ...directory, inode: 1n }),
    deleted('a/1', { sizeBytes: 1 }),
    deleted('a/2', { sizeBytes: 2 }),
    added('b', { ...directory, inode: 2n }),
    added('b/1', { sizeBytes: 1 }),
    added('c', { ...directory, inode: 3n }),
    added('c/2', { sizeBytes: 2 }),
  ];
  expect(summary(await findMoves(changes, facts(['a/1 b/1', 'a/2 c/2'])))).toEqual([
    'deleted: a',
    'added: b',
    'added deleted: a/1 -> b/1',
    'added: c',
    'added deleted: a/2 -> c/2',
  ]);
});

test('an empty directory is known by its number and time', async () => {
  const gone = deleted('a', { ...directory, inode: 1n, modifiedNs: 5n });
  const known = [gone, added('b', { ...directory, inode: 1n, modifiedNs: 5n })];
  const other = [gone, added('b', { ...directory, inode: 1n, modifiedNs: 6n })];
  expect(summary(await findMoves(known, facts([], { keepsInodes: true })))).toEqual(['added deleted: a -> b']);
  expect(await findMoves(other, facts([], { keepsInodes: true }))).toEqual(other);
  expect(await findMoves(known, facts([]))).toEqual(known);
});

test('a file that was swapped in a moved directory has other content, though it resembles a file elsewhere', async () => {
  const changes = [
    deleted('a', { ...directory, inode: 1n }),
    deleted('a/1', { sizeBytes: 1 }),
    deleted('a/2', { sizeBytes: 2 }),
    added('b', { ...directory, inode: 1n }),
    added('b/1', { sizeBytes: 2 }),
    added('b/2', { sizeBytes: 1 }),
  ];
  expect(summary(await findMoves(changes, facts(['a/1 b/2', 'a/2 b/1'], { keepsInodes: true })))).toEqual([
    'added deleted: a -> b',
    'content: a/1 -> b/1',
    'content: a/2 -> b/2',
  ]);
});

test('a moved file shows the attributes that differ', async () => {
  const attribute = (name: string, side: 'before' | 'after', value: number) => ({ name, before: null, after: null, [side]: bytes(value) });
  const old = {
    ...deleted('a'),
    attributes: [
      attribute('user.gone', 'before', 1),
      attribute('user.same', 'before', 2),
      attribute('system.posix_acl_access', 'before', 1),
    ],
  };
  const now = { ...added('b'), attributes: [attribute('user.same', 'after', 2), attribute('system.posix_acl_access', 'after', 2)] };
  expect(await findMoves([old, now], facts(['a b']))).toEqual([
    change('b', ['added', 'deleted', 'attributes', 'acl'], fileState(), fileState(), {
      movedFrom: 'a',
      attributes: [
        { name: 'system.posix_acl_access', before: bytes(1), after: bytes(2) },
        { name: 'user.gone', before: bytes(1), after: null },
      ],
    }),
  ]);
});

test('changes stay as they are where nothing is deleted or nothing is added', async () => {
  const changes = [deleted('a'), change('c', ['mode'], directoryState(), directoryState({ mode: 0o700 }))];
  expect(await findMoves(changes, facts([]))).toEqual(changes);
});

test('the number of questions is that of files, not of pairs', async () => {
  const count = 10_000;
  const names = Array.from({ length: count }, (_, index) => String(index));
  const changes = [
    ...names.map((name) => deleted(`a${name}`, { sizeBytes: Number(name) + 1 })),
    ...names.map((name) => added(`b${name}`, { sizeBytes: Number(name) + 1 })),
    ...names.flatMap((name) => [deleted(`c${name}`, { mode: 0o600 }), added(`d${name}`, { mode: 0o600 })]),
  ];
  const given = facts(names.map((name) => `a${name} b${name}`).slice(0, 1));
  expect((await findMoves(changes, given)).length).toBe(changes.length - 1);
  expect(given.asked.length).toBe(count);
});

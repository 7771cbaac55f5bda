import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Change } from '../../../src/changes/change.ts';
import { findMoves } from '../../../src/changes/moves.ts';
import { added, deleted } from '../../rig/sample-changes.ts';

const names = ['a', 'b', 'c'];
const paths = names.flatMap((one) => [
  one,
  ...names.flatMap((two) => [`${one}/${two}`, ...names.map((three) => `${one}/${two}/${three}`)]),
]);
const end = fc.record({
  side: fc.constantFrom('deleted', 'added', 'both'),
  kind: fc.constantFrom('file', 'directory', 'link'),
  sizeBytes: fc.nat(3),
  inode: fc.nat(20).map(BigInt),
  modifiedNs: fc.nat(3).map(BigInt),
});

/** Deleted and added paths as a comparison gives them. One that is both is deleted on one side of the tree, `old`, and added on another. */
const ends: fc.Arbitrary<readonly Change[]> = fc.tuple(...paths.map(() => fc.option(end))).map((some) =>
  some
    .flatMap((parts, index) => {
      if (parts === null) return [];
      const { side, kind, ...rest } = parts;
      const state = { kind, target: kind === 'link' ? 'x' : null, ...rest };
      return [
        ...(side === 'added' ? [] : [deleted(`old/${paths[index]}`, state)]),
        ...(side === 'deleted' ? [] : [added(`new/${paths[index]}`, state)]),
      ];
    })
    .sort((one, other) => (one.path < other.path ? -1 : 1)),
);

test('moves account for each deleted and each added path exactly once, and for nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(ends, fc.boolean(), fc.array(fc.boolean(), { minLength: 1 }), async (changes, keepsInodes, answers) => {
      let asked = 0;
      const areSame = async (pairs: readonly unknown[]): Promise<readonly boolean[]> =>
        pairs.map(() => answers[asked++ % answers.length] ?? false);
      const found = await findMoves(changes, { keepsInodes, foldDirectories: false, areSame });
      const gone = found.flatMap(({ path, before, movedFrom }) => (before === null ? [] : [movedFrom ?? path]));
      const fresh = found.flatMap(({ path, after }) => (after === null ? [] : [path]));
      const those = (kind: 'added' | 'deleted'): readonly string[] =>
        changes.filter(({ kinds }) => kinds.includes(kind)).map(({ path }) => path);
      expect(gone.toSorted()).toEqual(those('deleted').toSorted());
      expect(fresh.toSorted()).toEqual(those('added').toSorted());
    }),
    { numRuns: 500 },
  );
});

test('folding leaves out nothing but what was moved with its directory and is as it was', async () => {
  await fc.assert(
    fc.asyncProperty(ends, fc.boolean(), async (changes, keepsInodes) => {
      const areSame = async (pairs: readonly unknown[]): Promise<readonly boolean[]> => pairs.map(() => true);
      const all = await findMoves(changes, { keepsInodes, foldDirectories: false, areSame });
      const folded = await findMoves(changes, { keepsInodes, foldDirectories: true, areSame });
      const left = new Set(folded.map(({ path }) => path));
      const moves = new Map(all.map(({ path, movedFrom }) => [path, movedFrom]));
      for (const { path, movedFrom, kinds } of all.filter((change) => !left.has(change.path))) {
        const parent = path.slice(0, path.lastIndexOf('/'));
        expect({ path, kinds, parent: moves.get(parent) }).toEqual({
          path,
          kinds: ['added', 'deleted'],
          parent: movedFrom?.slice(0, movedFrom.lastIndexOf('/')),
        });
      }
      expect(folded.length).toBeLessThanOrEqual(all.length);
    }),
    { numRuns: 500 },
  );
});

import type { Change } from '../change.ts';

export function splitMoves(changes: readonly Change[]): readonly Change[] {
  return changes.some(({ movedFrom }) => movedFrom !== undefined) ? changes.flatMap(splitMove) : changes;
}

/** A move as what it does to two paths: one file is gone, and one is new. */
function splitMove(change: Change): readonly Change[] {
  const { path, movedFrom, kinds, before, after } = change;
  if (movedFrom === undefined || movedFrom === path || before === null || after === null) return [change];
  const come: Change = {
    path,
    kinds: ['added', ...kinds.filter((kind) => kind !== 'added')],
    before: null,
    after,
    attributes: change.attributes,
  };
  const gone: Change = { path: movedFrom, kinds: ['deleted'], before, after: null, attributes: [] };
  return [gone, come];
}

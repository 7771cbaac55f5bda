import { toBytes } from '../bytes.ts';
import type { Change, ChangeKind } from '../change.ts';
import { quotePath } from '../show-path.ts';

/** The letter of each kind, in the order of the columns. */
const columns: readonly (readonly [ChangeKind, string])[] = [
  ['added', '+'],
  ['deleted', '-'],
  ['content', 'c'],
  ['type', 't'],
  ['mode', 'p'],
  ['owner', 'u'],
  ['group', 'g'],
  ['attributes', 'x'],
  ['acl', 'a'],
];

/**
 * A change for programs, in a form that stays: nine columns `+-ctpugxa` with `.` for what is not, a space, and the path. `+` and `-`
 * together are a move, which has after the path a tab and the path before. Paths are quoted as C writes strings, and the line ends with a
 * newline. With `zero` they are not quoted, and each ends with a NUL.
 */
export function porcelainLine({ kinds, path, movedFrom }: Change, { zero }: { readonly zero: boolean }): Uint8Array {
  const letters = columns.map(([kind, letter]) => (kinds.includes(kind) ? letter : '.')).join('');
  const paths = [path, ...(movedFrom !== undefined && kinds.includes('added') ? [movedFrom] : [])];
  return toBytes(`${letters} ${zero ? paths.map((each) => `${each}\0`).join('') : `${paths.map(quotePath).join('\t')}\n`}`);
}

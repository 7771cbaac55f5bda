import { toBytes } from '../bytes.ts';
import type { Change } from '../change.ts';
import { quotePath } from '../show-path.ts';

/** Only the path, and of a move the path after: quoted as C writes strings, with a newline; with `zero` as it is, with a NUL. */
export function nameLine({ path }: Change, { zero }: { readonly zero: boolean }): Uint8Array {
  return toBytes(zero ? `${path}\0` : `${quotePath(path)}\n`);
}

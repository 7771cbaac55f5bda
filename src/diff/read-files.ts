import type { BytePath, Change } from '../changes/change.ts';
import type { Contents } from '../changes/render/patch.ts';
import { baseInside, type ChangedRoot, otherInside } from '../run/changed-root.ts';

/** One file before and after; null: that side has none that is wanted. */
interface FilePair {
  readonly before: BytePath | null;
  readonly after: BytePath | null;
}

/** What is in the files; null: no regular file, or one of more than `mostBytes`. */
export async function readPairs(
  { start }: Pick<ChangedRoot, 'start'>,
  pairs: readonly FilePair[],
  mostBytes: number,
  signal: AbortSignal | undefined,
): Promise<readonly Contents[]> {
  const [before, after] = await Promise.all(
    (['before', 'after'] as const).map((side) => {
      const paths = pairs.flatMap((pair) => pair[side] ?? []);
      return readSide(start, side === 'before' ? baseInside : otherInside, paths, mostBytes, signal);
    }),
  );
  const next = { before: before?.values(), after: after?.values() };
  const take = (pair: FilePair, side: 'before' | 'after'): Uint8Array | null =>
    pair[side] === null ? null : (next[side]?.next().value ?? null);
  return pairs.map((pair) => ({ before: take(pair, 'before'), after: take(pair, 'after') }));
}

async function readSide(
  start: ChangedRoot['start'],
  tree: string,
  paths: readonly BytePath[],
  mostBytes: number,
  signal: AbortSignal | undefined,
): Promise<readonly (Uint8Array | null)[]> {
  if (paths.length === 0) return [];
  const program = await start(['read', tree, String(mostBytes)], signal);
  program.stdin.end(Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'));
  const chunks: Buffer[] = [];
  for await (const chunk of program.stdout) chunks.push(chunk as Buffer);
  await program.ended;
  return cutFiles(Buffer.concat(chunks));
}

/** Reads sizes, each with a newline and so many bytes behind it, or `-` and a newline. */
function cutFiles(bytes: Buffer): readonly (Uint8Array | null)[] {
  const files: (Uint8Array | null)[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const size = bytes.toString('latin1', at, end);
    at = end + 1;
    files.push(size === '-' ? null : bytes.subarray(at, at + Number(size)));
    if (size !== '-') at += Number(size);
  }
  return files;
}

export interface ContentLimits {
  /** A larger file is not read. */
  readonly mostBytes: number;
  /** So much is read at once, and one file more. */
  readonly mostAtOnce: number;
}

/** The changes in their order, each with what is in the regular files that it makes, removes or gives another content. */
export async function* withContents(
  open: Pick<ChangedRoot, 'start'>,
  changes: readonly Change[],
  { mostBytes, mostAtOnce }: ContentLimits,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly change: Change; readonly contents: Contents }> {
  let batch: Change[] = [];
  let bytes = 0;
  const read = async (): Promise<readonly { readonly change: Change; readonly contents: Contents }[]> => {
    const contents = await readPairs(open, batch.map(filesOf), mostBytes, signal);
    return batch.map((change, at) => ({ change, contents: contents[at] ?? { before: null, after: null } }));
  };
  for (const change of changes) {
    batch.push(change);
    bytes += sizeOf(change, mostBytes);
    if (bytes < mostAtOnce && batch.length < 1000) continue;
    yield* await read();
    batch = [];
    bytes = 0;
  }
  yield* await read();
}

function filesOf({ path, movedFrom, kinds, before, after }: Change): FilePair {
  const isOther = kinds.includes('content') || kinds.includes('type') || (movedFrom === undefined && (before === null || after === null));
  return {
    before: isOther && before?.kind === 'file' ? (movedFrom ?? path) : null,
    after: isOther && after?.kind === 'file' ? path : null,
  };
}

function sizeOf(change: Change, mostBytes: number): number {
  const { before, after } = filesOf(change);
  const size = (path: BytePath | null, state: Change['before']): number =>
    path === null || state === null || state.sizeBytes > mostBytes ? 0 : state.sizeBytes;
  return size(before, change.before) + size(after, change.after);
}

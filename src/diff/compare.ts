import type { Change } from '../changes/change.ts';
import { parseChanges } from '../changes/parse-changes.ts';
import type { Facts } from '../host/facts.ts';
import { type SeenTree, startTreeProgram } from '../run/tree-program.ts';
import type { ChangedTrees } from '../storage/driver.ts';

const [baseInside, otherInside] = ['/base', '/other'] as const;

/** What differs between the trees, in the order of a walk. Throws `storage-failed`, `missing-tool`, the reason of the signal. */
export async function* compareTrees(facts: Facts, trees: ChangedTrees, signal?: AbortSignal): AsyncGenerator<Change> {
  const program = await startTreeProgram(facts, ['compare', ...optionsFor(trees), baseInside, otherInside], seen(trees), signal);
  program.stdin.end();
  yield* parseChanges(program.stdout);
  await program.ended;
}

function optionsFor({ form }: ChangedTrees): readonly string[] {
  if (form.kind === 'layer') return [`--layer=${form.marks}`];
  return form.sameInodes ? ['--same-inodes'] : [];
}

function seen({ base, other }: ChangedTrees): readonly SeenTree[] {
  return [
    { source: base, inside: baseInside, writable: false },
    { source: other, inside: otherInside, writable: false },
  ];
}

/** The files at these paths in both trees, as bytes; null: no regular file, or one of more than `mostBytes`. */
export async function readFiles(
  facts: Facts,
  trees: ChangedTrees,
  paths: readonly string[],
  mostBytes: number,
): Promise<ReadonlyMap<string, { readonly before: Uint8Array | null; readonly after: Uint8Array | null }>> {
  const [before, after] = [await readSide(facts, trees.base, paths, mostBytes), await readSide(facts, trees.other, paths, mostBytes)];
  return new Map(paths.map((path, index) => [path, { before: before[index] ?? null, after: after[index] ?? null }]));
}

async function readSide(facts: Facts, tree: string, paths: readonly string[], mostBytes: number): Promise<readonly (Uint8Array | null)[]> {
  if (paths.length === 0) return [];
  const program = await startTreeProgram(facts, ['read', '/tree', String(mostBytes)], [{ source: tree, inside: '/tree', writable: false }]);
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

/** Whether the file at the first path of each pair, in the base, has the content of the other tree's at the second. */
export async function haveSameContent(
  facts: Facts,
  trees: ChangedTrees,
  pairs: readonly { readonly before: string; readonly after: string }[],
): Promise<readonly boolean[]> {
  if (pairs.length === 0) return [];
  const program = await startTreeProgram(facts, ['same', baseInside, otherInside], seen(trees));
  program.stdin.end(Buffer.from(pairs.map(({ before, after }) => `${before}\0${after}\0`).join(''), 'latin1'));
  let answers = '';
  for await (const chunk of program.stdout) answers += String(chunk);
  await program.ended;
  return Array.from(answers, (answer) => answer === '=');
}

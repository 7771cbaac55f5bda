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

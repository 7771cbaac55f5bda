import type { Change } from '../changes/change.ts';
import { parseChanges } from '../changes/parse-changes.ts';
import { baseInside, type ChangedRoot, otherInside } from '../run/changed-root.ts';

/** What differs between the trees, in the order of a walk. Throws `storage-failed`, `missing-tool`, the reason of the signal. */
export async function* compareTrees({ form, start }: ChangedRoot, signal?: AbortSignal): AsyncGenerator<Change> {
  const program = await start(['compare', ...optionsFor(form), baseInside, otherInside], signal);
  program.stdin.end();
  yield* parseChanges(program.stdout);
  await program.ended;
}

function optionsFor(form: ChangedRoot['form']): readonly string[] {
  if (form.kind === 'layer') return [`--layer=${form.marks}`];
  return form.sameInodesSinceMs === null ? [] : [`--same-inodes=${Math.floor(form.sameInodesSinceMs / 1000)}`];
}

/** Whether the file at the first path of each pair, in the base, has the content of the other tree's at the second. */
export async function haveSameContent(
  { start }: ChangedRoot,
  pairs: readonly { readonly before: string; readonly after: string }[],
): Promise<readonly boolean[]> {
  if (pairs.length === 0) return [];
  const program = await start(['same', baseInside, otherInside]);
  program.stdin.end(Buffer.from(pairs.map(({ before, after }) => `${before}\0${after}\0`).join(''), 'latin1'));
  let answers = '';
  for await (const chunk of program.stdout) answers += String(chunk);
  await program.ended;
  return Array.from(answers, (answer) => answer === '=');
}

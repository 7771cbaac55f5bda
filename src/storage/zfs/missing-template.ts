import { IsolateError } from '../../error.ts';
import { nearest } from '../../spec/nearest.ts';
import type { ZfsContext } from './commands.ts';
import { cloneId, parentOf, readOwnerCopyId } from './names.ts';
import { planFamily } from './plan.ts';

/** The error of a template that is not there, with what became of it or what may have been meant. */
export async function missingTemplate(context: ZfsContext): Promise<IsolateError> {
  const { template } = context;
  // The error is the same where ZFS has no more to say.
  const answer = await context.zfs(template, planFamily()).catch(() => null);
  const hint = adviseOnMissing(template, answer?.stdout ?? '') ?? 'zfs list shows the existing ones';
  return new IsolateError('template-missing', `There is no dataset ${template}.`, { hint });
}

/** Reads the answer to `planFamily`; null: nothing in it is of any help. */
export function adviseOnMissing(template: string, text: string): string | null {
  const rows = text.split('\n').map((line) => line.split('\t'));
  const ours = rows.filter(([, , mark]) => mark === template);
  const clones = ours.filter(([name = '']) => cloneId(template, name) !== null);
  if (clones.length > 0) {
    const origins = ours.flatMap(([, origin = '']) => /^([^@]+)@/.exec(origin)?.[1] ?? []);
    const renamed = origins.find((origin) => readOwnerCopyId(template, origin) === null);
    const what = renamed === undefined ? '' : `it is ${renamed} now; `;
    return `${what}isolate refresh --skip-create ${template} destroys the ${clones.length === 1 ? 'clone' : 'clones'} that it left`;
  }
  const meant = findMeant(
    template,
    rows.flatMap(([name = '', , mark]) => (name.includes('/') && mark === '-' ? [name] : [])),
  );
  return meant === null ? null : `did you mean ${meant}?`;
}

/** One of the same name elsewhere, or one beside it whose name is nearly the same. */
function findMeant(template: string, datasets: readonly string[]): string | null {
  const last = (dataset: string): string => dataset.slice(dataset.lastIndexOf('/') + 1);
  const namesake = datasets.find((dataset) => last(dataset) === last(template));
  if (namesake !== undefined || !template.includes('/')) return namesake ?? null;
  const parent = parentOf(template);
  const name = nearest(last(template), datasets.filter((dataset) => parentOf(dataset) === parent).map(last));
  return name === null ? null : `${parent}/${name}`;
}

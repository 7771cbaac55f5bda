import type { RunCommand } from '../../process/command.ts';
import { whyNotTemplateName } from '../template-ref.ts';

const timeoutMs = 30_000;

/** The names of the templates directly below a dataset: without clones and drafts. null: this caller may not look, or ZFS does not answer. */
export async function listDatasetNames(zfs: string | null, run: RunCommand, parent: string): Promise<readonly string[] | null> {
  if (zfs === null) return null;
  const args = ['list', '-H', '-r', '-d', '1', '-t', 'filesystem', '-o', `name,${stepProperty}`, parent];
  const answer = await run({ file: zfs, args, timeoutMs }).catch(() => null);
  if (answer === null) return null;
  if (answer.exitCode !== 0) return /does not exist/.test(answer.stderr) ? [] : null;
  const names = answer.stdout.split('\n').flatMap((line) => {
    const [dataset = '', step = ''] = line.split('\t');
    const template = swapOf(dataset, step) ?? dataset;
    return template.startsWith(`${parent}/`) ? [template.slice(parent.length + 1)] : [];
  });
  return [...new Set(names)].filter((name) => whyNotTemplateName(name) === null);
}

/** User property of what isolate made as a template, so that it is found wherever it is. */
export const templateProperty = 'isolate:template';

/**
 * User property that says what is going to happen, so that another process can finish it. `swap`: the draft takes the place of its
 * template; `remove`: the dataset is destroyed as soon as it no longer has a template's name; `room`: it keeps space for going back.
 */
export const stepProperty = 'isolate:step';
export const roomStep = 'room';

/** The datasets that isolate made as templates, wherever they are; none if ZFS does not answer. */
export async function listMarkedDatasets(zfs: string | null, run: RunCommand): Promise<readonly string[]> {
  if (zfs === null) return [];
  const args = ['get', '-H', '-s', 'local', '-o', 'name,value', `${templateProperty},${stepProperty}`];
  const answer = await run({ file: zfs, args, timeoutMs }).catch(() => null);
  const names = (answer?.stdout.split('\n') ?? []).map((line) => {
    const [dataset = '', value = ''] = line.split('\t');
    return swapOf(dataset, value) ?? dataset;
  });
  return [...new Set(names)].filter((name) => whyNotTemplateName(name.slice(name.lastIndexOf('/') + 1)) === null);
}

/** A dataset beside a template that is being filled, or holds what the template was. */
export interface Beside {
  readonly kind: 'new' | 'old';
  /** The dataset of the template when this was made. */
  readonly of: string;
}

/** The dataset of a draft of a template, or of what it was. */
export function besideName(template: string, kind: Beside['kind'], random: string): string {
  return `${template}.isolate-${kind}-${random}`;
}

/** The inverse of `besideName`; null for any other dataset. */
export function parseBeside(dataset: string): Beside | null {
  const [, of, kind] = /^(.+)\.isolate-(new|old)-[0-9a-f]{16}$/.exec(dataset) ?? [];
  return of === undefined ? null : { kind: kind === 'new' ? 'new' : 'old', of };
}

/** The template whose place a dataset takes, which for a moment is nowhere else; null: it does not do that. */
export function swapOf(dataset: string, step: string): string | null {
  const beside = parseBeside(dataset);
  return step === 'swap' && beside?.kind === 'new' ? beside.of : null;
}

/** The dataset of a snapshot's name, and its label. */
export function splitSnapshot(name: string): { readonly dataset: string; readonly label: string } {
  const at = name.indexOf('@');
  return { dataset: name.slice(0, at), label: name.slice(at + 1) };
}

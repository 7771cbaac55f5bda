import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import { inPlace, type TemplatePlace, type TemplatePlaces } from './places.ts';
import { parseTemplate, parseTemplateName, type TemplateRef } from './template-ref.ts';

/** The names of the templates in a store; null: this caller may not look. */
export type ListNames = (place: TemplatePlace) => Promise<readonly string[] | null>;

/**
 * The template that a user means. Only a name is looked up; whether a dataset or directory exists is for its storage to say. Where the
 * caller may not look, the template is taken to be there. Throws `bad-name`, `template-missing` with a name like it.
 */
export async function findTemplate(text: string, places: TemplatePlaces, list: ListNames): Promise<TemplateRef> {
  const meant = parseTemplate(text, places);
  if (meant.kind !== 'name') return meant;
  const { name } = meant;
  const seen = new Set<string>();
  for (const place of places.stores) {
    const names = await list(place);
    if (names === null || names.includes(name)) return inPlace(place, name);
    for (const other of names) seen.add(other);
  }
  const near = nearest(name, [...seen]);
  const hint =
    near !== null ? `did you mean ${near}?` : seen.size > 0 ? 'isolate template list shows the existing ones' : adviseCreate(name);
  throw new IsolateError('template-missing', `There is no template ${name}.`, { hint });
}

/** Where a new template of this name, dataset or directory is to be made. Throws `bad-name`, `not-permitted`. */
export function newTemplate(text: string, places: TemplatePlaces): TemplateRef {
  const meant = parseTemplate(text, places);
  if (meant.kind === 'dataset') parseTemplateName(meant.dataset.slice(meant.dataset.lastIndexOf('/') + 1));
  if (meant.kind === 'directory') parseTemplateName(meant.path.slice(meant.path.lastIndexOf('/') + 1));
  if (meant.kind !== 'name') return meant;
  if (places.own === null) {
    throw new IsolateError('not-permitted', `There is no place for a template ${meant.name}: you have no home directory.`, {
      hint: `set HOME, or name a directory: ./${meant.name}`,
    });
  }
  return inPlace(places.own, meant.name);
}

function adviseCreate(name: string): string {
  return `isolate template create ${name} --from debian:trixie makes one`;
}

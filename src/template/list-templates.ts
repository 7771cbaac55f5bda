import { listKnownDatasets, listNames } from './list-names.ts';
import { inPlace, type TemplatePlaces } from './places.ts';
import { templateName, type TemplateRef } from './template-ref.ts';

/** A template with the name by which its user finds it. */
export interface ListedTemplate {
  readonly name: string;
  readonly ref: TemplateRef;
}

/**
 * The templates in the caller's stores, by store and name, and then those that are known elsewhere. One whose name a store before it has
 * is called by its place. What is known may not exist.
 */
export async function listTemplates(places: TemplatePlaces): Promise<readonly ListedTemplate[]> {
  const found: ListedTemplate[] = [];
  for (const place of places.stores) {
    for (const name of (await listNames(place)) ?? []) {
      const ref = inPlace(place, name);
      found.push({ name: found.some((other) => other.name === name) ? templateName(ref) : name, ref });
    }
  }
  const listed = new Set(found.map(({ ref }) => templateName(ref)));
  for (const dataset of await listKnownDatasets()) {
    if (!listed.has(dataset)) found.push({ name: dataset, ref: { kind: 'dataset', dataset } });
  }
  return found;
}

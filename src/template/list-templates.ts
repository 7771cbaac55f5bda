import { listNames } from './list-names.ts';
import { inPlace, type TemplatePlaces } from './places.ts';
import { templateName, type TemplateRef } from './template-ref.ts';

/** A template in a store. */
export interface ListedTemplate {
  readonly name: string;
  readonly ref: TemplateRef;
}

/** The templates in the caller's stores, by store and name. One whose name a store before it has is called by its place. */
export async function listTemplates(places: TemplatePlaces): Promise<readonly ListedTemplate[]> {
  const found: ListedTemplate[] = [];
  for (const place of places.stores) {
    for (const name of (await listNames(place)) ?? []) {
      const ref = inPlace(place, name);
      found.push({ name: found.some((other) => other.name === name) ? templateName(ref) : name, ref });
    }
  }
  return found;
}

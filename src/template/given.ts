import { callerPlaces } from './caller-places.ts';
import { callerContext, type TemplateContext } from './context.ts';
import { findTemplate } from './find.ts';
import { listNames } from './list-names.ts';
import type { TemplatePlaces } from './places.ts';
import type { TemplateRef } from './template-ref.ts';

/** A template that a user named, with what is needed to use it. */
export interface GivenTemplate {
  readonly ref: TemplateRef;
  readonly context: TemplateContext;
  readonly places: TemplatePlaces;
}

/** Finds the template that a word means. Throws `bad-name`, `template-missing`, `bad-config`. */
export async function findGiven(word: string): Promise<GivenTemplate> {
  const places = await callerPlaces();
  return { ref: await findTemplate(word, places, listNames), context: await callerContext(), places };
}

import { toJson } from '../../../json.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { callerContext, type TemplateContext } from '../../../template/context.ts';
import { findTemplate } from '../../../template/find.ts';
import { listNames } from '../../../template/list-names.ts';
import type { TemplatePlaces } from '../../../template/places.ts';
import type { TemplateRef } from '../../../template/template-ref.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';

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

/** Prints what a verb did: as JSON, as a line, or not at all. */
export function tell({ flags }: ParsedArguments, document: object, line: string): void {
  if (flags.has('json')) print(`${toJson(document)}\n`);
  else if (!flags.has('quiet')) print(`${line}\n`);
}

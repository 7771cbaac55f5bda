import { toJson } from '../../../json.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';

/** Prints what a verb did: as JSON, as a line, or not at all. */
export function tell({ flags }: ParsedArguments, document: object, line: string): void {
  if (flags.has('json')) print(`${toJson(document)}\n`);
  else if (!flags.has('quiet')) print(`${line}\n`);
}

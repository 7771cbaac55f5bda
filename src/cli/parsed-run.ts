import type { ParsedRun } from '../daemon/command-line.ts';
import { isAsked } from '../spec/options/option.ts';
import { runOptions } from '../spec/options/table.ts';
import type { RunRequest } from '../spec/request.ts';
import { options } from './options.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { runVoice } from './run-voice.ts';

/** A run of a client, whose request may have more than its command line. Throws `usage`. */
export function parsedRun(parsed: ParsedArguments, request: RunRequest): ParsedRun {
  const given = new Set([...parsed.flags, ...parsed.values.keys(), ...parsed.lists.keys()]);
  const carriedByLauncher =
    options.every(({ long, carriedBy }) => carriedBy === 'launcher' || !given.has(long)) &&
    runOptions.every((option) => option.carriedBy === 'launcher' || !isAsked(option, request));
  return { request, carriedByLauncher, voice: runVoice(parsed, request, 'daemon'), notices: [] };
}

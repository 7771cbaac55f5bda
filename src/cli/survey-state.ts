import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';

import { IsolateError } from '../error.ts';
import { type Check, ok } from '../host/survey/check.ts';
import { toSystemFailure } from '../process/system-error.ts';
import { findRuntimePlace, findStatePlace, type OwnPlace } from '../run/own-places.ts';

const id = 'state';

/** Where this caller's state is, and whether it can be written. Changes nothing. */
export function surveyState(uid: number, environment: NodeJS.ProcessEnv): { readonly directory: string; readonly check: Check } {
  try {
    const places = [findStatePlace(uid, environment), findRuntimePlace(uid, environment)];
    const faults = places.flatMap((place) => describeFault(place) ?? []);
    const names = [...new Set(places.map(({ path }) => path))];
    return { directory: names[0] ?? '/', check: faults[0] ?? ok(id, `state is kept in ${names.join(' and ')}`) };
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return { directory: '/', check: missing(error.message, error.hint) };
  }
}

function describeFault({ path, variable }: OwnPlace): Check | null {
  try {
    accessNearest(path);
    return null;
  } catch (error) {
    const failure = toSystemFailure(error, variable === null ? undefined : `set ${variable} to a directory that you can write to`);
    if (failure === null) throw error;
    return missing(failure.message, failure.hint);
  }
}

/** The directory itself or, if it does not exist yet, the one that it will be made in. */
function accessNearest(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === '/') throw error;
    accessNearest(dirname(path));
  }
}

function missing(message: string, hint: string | undefined): Check {
  return { id, state: 'missing', fact: message.replace(/\.$/, ''), ...(hint === undefined ? {} : { hint }) };
}

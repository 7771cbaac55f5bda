import { IsolateError } from '../error.ts';
import { limitNames, type Limits } from '../spec/spec.ts';

/** The values of the items `limit` of a `lease`: `NAME=NUMBER`, one for each limit that there is. */
export function formatLimits(limits: Limits): readonly string[] {
  return Object.entries(limits).map(([name, value]) => `${name}=${value}`);
}

/** The inverse of `formatLimits`. Throws `usage` for an unknown or repeated name, and for what is no whole number above 0. */
export function parseLimits(texts: readonly string[]): Limits {
  const limits: { -readonly [Name in keyof Limits]: number } = {};
  for (const text of texts) {
    const [, name = '', digits = ''] = /^([A-Za-z]+)=([1-9][0-9]{0,15})$/.exec(text) ?? [];
    const value = Number(digits);
    if (!isName(name) || limits[name] !== undefined || !Number.isSafeInteger(value)) {
      throw new IsolateError('usage', `${JSON.stringify(text)} is not a limit of a run.`);
    }
    limits[name] = value;
  }
  return limits;
}

function isName(name: string): name is keyof Limits {
  return Object.hasOwn(limitNames, name);
}

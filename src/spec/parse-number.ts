import { IsolateError } from '../error.ts';

/** Largest id a uid_t can hold: 2^32 - 2, since 2^32 - 1 means "no id". */
export const maximumId = 4_294_967_294;

/** The ids of one sandbox: as many as an ordinary Linux system uses. */
export const idsPerSandbox = 65_536;

/** The most clones that a pool may have. */
export const maximumCount = 1000;

/** The longest accepted duration, in seconds: what a timer of Node can wait (2^31 - 1 ms). */
const maximumSeconds = 2_147_483;

/**
 * A whole number from `minimum` to `maximum`, in plain decimal digits: no sign, blank, exponent, prefix or leading zero.
 * `option` names it in the error. Throws `usage`.
 */
export function parseInteger(option: string, value: string | number, minimum: number, maximum: number): number {
  const text = String(value);
  const number = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(number) || number < minimum || number > maximum) {
    throw new IsolateError('usage', `${option} takes a whole number from ${minimum} to ${maximum}, not ${JSON.stringify(text)}.`);
  }
  return number;
}

/** A size in bytes: digits, then nothing or K, M, G, T (powers of 1024; `KiB` and `KB` mean the same). Throws `usage`. */
export function parseSize(option: string, value: string | number): number {
  const text = String(value);
  const match = /^([1-9]\d{0,15})(?:([KMGT])(?:i?B)?|B)?$/i.exec(text);
  const exponent = 'KMGT'.indexOf(match?.[2]?.toUpperCase() ?? '') + (match?.[2] === undefined ? 0 : 1);
  const bytes = match === null ? Number.NaN : Number(match[1]) * 1024 ** exponent;
  if (!Number.isSafeInteger(bytes)) {
    throw new IsolateError('usage', `${option} takes a size such as 512M or 2G, not ${JSON.stringify(text)}.`);
  }
  return bytes;
}

/** Seconds, with up to three decimals, as milliseconds. `minimumMs` is the least accepted. Throws `usage`. */
export function parseSeconds(option: string, value: string | number, minimumMs: number): number {
  const text = String(value);
  const ms = /^(0|[1-9]\d{0,9})(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : Number.NaN;
  if (Number.isNaN(ms) || ms < minimumMs || ms > maximumSeconds * 1000) {
    const least = minimumMs === 0 ? '0' : 'more than 0';
    throw new IsolateError('usage', `${option} takes seconds, from ${least} to ${maximumSeconds}, not ${JSON.stringify(text)}.`);
  }
  return ms;
}

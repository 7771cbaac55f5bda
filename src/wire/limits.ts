import { IsolateError } from '../error.ts';

/** The limits of a run as `lease` brings them; absent means no limit. */
export interface WireLimits {
  /** Percent of one processor. */
  readonly cpuPercent?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

/** The values of the items `limit`: `NAME=NUMBER`, one for each limit that there is. */
export function formatLimits(limits: WireLimits): readonly string[] {
  return Object.entries(limits).map(([name, value]) => `${name}=${value}`);
}

/** The inverse of `formatLimits`. Throws `usage` for an unknown or repeated name, and for what is no whole number above 0. */
export function parseLimits(texts: readonly string[]): WireLimits {
  const limits: { -readonly [Name in keyof WireLimits]: number } = {};
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

function isName(name: string): name is keyof WireLimits {
  return name === 'cpuPercent' || name === 'memoryBytes' || name === 'pids';
}

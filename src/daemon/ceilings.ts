import { configPath } from '../config/config.ts';
import { IsolateError } from '../error.ts';
import type { Limits } from '../spec/spec.ts';

/** Throws `not-permitted` for the first limit that is above its ceiling. */
export function checkCeilings(limits: Limits, ceilings: Limits): void {
  for (const { limit, option, key, format } of kinds) {
    const [wanted, most] = [limits[limit], ceilings[limit]];
    if (wanted === undefined || most === undefined || wanted <= most) continue;
    throw new IsolateError('not-permitted', `${option} ${format(wanted)} is more than the ${format(most)} that you may ask for.`, {
      hint: `ask for less; root can raise ${key} in ${configPath}`,
    });
  }
}

const kinds = [
  { limit: 'cpuPercent', option: '--cpu', key: 'limits.cpu', format: String },
  { limit: 'memoryBytes', option: '--memory', key: 'limits.memory', format: formatSize },
  { limit: 'pids', option: '--pids', key: 'limits.pids', format: String },
] as const satisfies readonly { limit: keyof Limits; option: string; key: string; format: (value: number) => string }[];

/** In the form of --memory, in the largest unit that gives a whole number. */
function formatSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let exponent = 0;
  while (exponent < units.length - 1 && bytes % 1024 ** (exponent + 1) === 0) exponent += 1;
  return `${bytes / 1024 ** exponent}${units[exponent]}`;
}

import { configPath } from '../config/config.ts';
import { IsolateError } from '../error.ts';
import { limitNames, type Limits } from '../spec/spec.ts';

/** Throws `not-permitted` for the first limit that is above its ceiling. */
export function checkCeilings(limits: Limits, ceilings: Limits): void {
  for (const limit of ['cpuPercent', 'memoryBytes', 'pids'] as const) {
    const [wanted, most, name] = [limits[limit], ceilings[limit], limitNames[limit]];
    if (wanted === undefined || most === undefined || wanted <= most) continue;
    const format = limit === 'memoryBytes' ? formatSize : String;
    throw new IsolateError('not-permitted', `--${name} ${format(wanted)} is more than the ${format(most)} that you may ask for.`, {
      hint: `ask for less; root can raise limits.${name} in ${configPath}`,
    });
  }
}

/** In the form of --memory, in the largest unit that gives a whole number. */
function formatSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let exponent = 0;
  while (exponent < units.length - 1 && bytes % 1024 ** (exponent + 1) === 0) exponent += 1;
  return `${bytes / 1024 ** exponent}${units[exponent]}`;
}

import type { Facts } from '../../host/facts.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';

/** Where what is needed for a while may be large. Root puts nothing where a variable says. */
export function scratchDirectory({ user }: Pick<Facts, 'user'>): string {
  const chosen = user.rights === 'root' ? undefined : callerEnvironment()['TMPDIR'];
  return chosen?.startsWith('/') === true ? chosen : '/var/tmp';
}

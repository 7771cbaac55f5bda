import type { HostFacts } from '../host/facts.ts';
import { giveBack } from './give-back.ts';

/**
 * Runs `body` with the facts of a desktop that is opened to this run alone: the X11 authority in them is a cookie made
 * for it, untrusted where the server can, and it ends with `body`. Warns where the server has no untrusted cookies.
 */
export async function withDesktop<T>(
  facts: HostFacts,
  warn: (message: string) => void,
  body: (facts: HostFacts) => Promise<T>,
): Promise<T> {
  const { x11 } = facts.desktop;
  if (x11 === null) return await body(facts);
  const { grantX11 } = await import('../desktop/x11-authority.ts');
  const grant = await grantX11(x11);
  if (!grant.untrusted) {
    warn(`The X server ${x11.display} makes no untrusted cookies, so the command can read every window and key press on it.`);
  }
  try {
    return await body({ ...facts, desktop: { ...facts.desktop, x11: { ...x11, authority: grant.authority } } });
  } finally {
    await giveBack(grant.release, warn);
  }
}

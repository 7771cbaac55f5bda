import type { Facts } from '../host/facts.ts';
import type { Release } from './give-back.ts';

/**
 * The facts of the desktop for this run alone. Their X11 authority has a cookie for the run, untrusted if the server can make one; an
 * action added to `held` revokes it. Warns if the server has no untrusted cookies.
 */
export async function openDesktop(facts: Facts, held: Release[], warn: (message: string) => void): Promise<Facts> {
  const { x11 } = facts.desktop;
  if (x11 === null) return facts;
  const { grantX11 } = await import('../desktop/x11-authority.ts');
  const grant = await grantX11(x11);
  held.push({ giveBack: grant.release, atEnd: null });
  if (!grant.untrusted) {
    warn(`The X server ${x11.display} makes no untrusted cookies, so the command can read every window and key press on it.`);
  }
  return { ...facts, desktop: { ...facts.desktop, x11: { ...x11, authority: grant.authority } } };
}

import type { DesktopCaller, Search } from '../desktop-search.ts';
import { findGpu } from '../gpu.ts';
import { findPulse } from '../pulse.ts';
import { findWayland } from '../wayland.ts';
import { findX11 } from '../x11.ts';
import { type Check, ok, toFact } from './check.ts';

/** A caller with one of these variables wants a desktop, and is told what is missing for each part of it. */
const variables = ['DISPLAY', 'WAYLAND_DISPLAY', 'PULSE_SERVER'];

/**
 * What -1 to -4 would pass on now. None of it is required, so nothing here is worse than limited. A caller who does not seem to want a
 * desktop is told only what exists.
 */
export function checkDesktop(caller: DesktopCaller): readonly Check[] {
  const checks = checkParts(caller);
  const isWanted = variables.some((name) => (caller.environment[name] ?? '') !== '');
  const found = checks.filter(({ state }) => isWanted || state === 'ok');
  if (found.length > 0) return found;
  return [ok('desktop', 'there is no display, sound or graphics device here for -1 to -4')];
}

function checkParts(caller: DesktopCaller): readonly Check[] {
  return [
    check(
      'x11',
      findX11(caller),
      ({ display, socket, authority }) => `display ${display} at ${socket}, ${authority === null ? 'without' : 'with'} a cookie`,
    ),
    check('pulse', findPulse(caller), ({ socket, cookie }) => `sound at ${socket}, ${cookie === null ? 'without' : 'with'} a cookie`),
    check('wayland', findWayland(caller), ({ socket }) => `compositor at ${socket}`),
    check('gpu', findGpu(), ({ devices }) => devices.join(' ')),
  ];
}

function check<T>(id: string, search: Search<T>, describe: (found: T) => string): Check {
  if ('found' in search) return ok(id, describe(search.found));
  return { id, state: 'limited', fact: toFact(search.missing), hint: search.hint };
}

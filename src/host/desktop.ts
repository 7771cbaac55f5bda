import { IsolateError } from '../error.ts';
import type { Passthrough } from '../spec/spec.ts';
import type { DesktopCaller, Search } from './desktop-search.ts';
import type { DesktopFacts } from './facts.ts';
import { findGpu } from './gpu.ts';
import { findPulse } from './pulse.ts';
import { findWayland } from './wayland.ts';
import { findX11 } from './x11.ts';

/** The wanted sockets, cookies and devices. Throws `socket-missing` for the first that does not exist. */
export function probeDesktop(wanted: readonly Passthrough[], caller: DesktopCaller): DesktopFacts {
  return {
    x11: wanted.includes('x11') ? demand(findX11(caller)) : null,
    pulse: wanted.includes('pulse') ? demand(findPulse(caller)) : null,
    wayland: wanted.includes('wayland') ? demand(findWayland(caller)) : null,
    gpu: wanted.includes('gpu') ? demand(findGpu()) : null,
  };
}

function demand<T>(search: Search<T>): T {
  if ('found' in search) return search.found;
  throw new IsolateError('socket-missing', search.missing, { hint: search.hint });
}

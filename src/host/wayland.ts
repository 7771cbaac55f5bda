import { basename } from 'node:path';

import type { DesktopFacts } from './facts.ts';
import { type DesktopCaller, findRuntimeDirectory, isSocket, type Search } from './desktop-search.ts';

/** The compositor of $WAYLAND_DISPLAY, by name below the runtime directory or by path; `wayland-0` if unset (wl_display_connect(3)). */
export function findWayland(caller: DesktopCaller): Search<NonNullable<DesktopFacts['wayland']>> {
  const given = caller.environment['WAYLAND_DISPLAY'];
  const name = given === undefined || given === '' ? 'wayland-0' : given;
  const runtime = findRuntimeDirectory(caller);
  if (!name.startsWith('/') && runtime === null) {
    return {
      missing: `There is no Wayland socket ${name} to pass on: XDG_RUNTIME_DIR is not set.`,
      hint: 'set WAYLAND_DISPLAY to the path of the socket',
    };
  }
  const socket = name.startsWith('/') ? name : `${runtime}/${name}`;
  if (!isSocket(socket)) {
    return {
      missing: `The Wayland socket ${socket} does not exist.`,
      hint: 'start the compositor, or set WAYLAND_DISPLAY to the name or path of its socket',
    };
  }
  return { found: { display: basename(socket), socket } };
}

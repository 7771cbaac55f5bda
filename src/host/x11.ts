import type { DesktopFacts } from './facts.ts';
import { type DesktopCaller, findHomes, isSocket, readSmallFile, type Search } from './desktop-search.ts';
import { parseDisplay } from './x11-display.ts';
import { findCookie, formatCookie, parseXauthority } from './xauthority.ts';

/** The X server of $DISPLAY, with only the caller's cookie for it. */
export function findX11(caller: DesktopCaller): Search<NonNullable<DesktopFacts['x11']>> {
  const text = caller.environment['DISPLAY'];
  if (text === undefined || text === '') {
    return {
      missing: 'There is no X server to pass on: DISPLAY is not set.',
      hint: 'start isolate from a graphical session, or set DISPLAY',
    };
  }
  const display = parseDisplay(text);
  if (display === null) {
    return {
      missing: `The X display ${JSON.stringify(text)} has no socket on this host, and a sandbox cannot reach it in any other way.`,
      hint: 'use a display of this host, such as :0; for a display forwarded by ssh use --share-net and --env',
    };
  }
  if (!isSocket(display.socket)) {
    return {
      missing: `The socket ${display.socket} of the X display ${text} does not exist.`,
      hint: 'start the X server, or set DISPLAY to one that runs',
    };
  }
  const cookie = findOwnCookie(caller, display.number);
  const authority = cookie === null ? null : formatCookie(display.number, cookie);
  return { found: { display: display.name, socket: display.socket, authority } };
}

function findOwnCookie(caller: DesktopCaller, number: string): Uint8Array | null {
  const given = caller.environment['XAUTHORITY'];
  const files = given === undefined ? findHomes(caller).map((home) => `${home}/.Xauthority`) : [given];
  for (const file of files) {
    const bytes = readSmallFile(file, 2 ** 20);
    const cookie = bytes === null ? null : findCookie(parseXauthority(bytes), number, caller.hostname);
    if (cookie !== null) return cookie;
  }
  return null;
}

import type { DesktopFacts } from './facts.ts';
import { type DesktopCaller, findHomes, findRuntimeDirectory, isSocket, readSmallFile, type Search } from './desktop-search.ts';

/**
 * The socket of PulseAudio, or of PipeWire in its place, with the cookie that admits other users. Sources:
 * pulse-client.conf(5), "Server Strings" in PulseAudio's documentation.
 */
export function findPulse(caller: DesktopCaller): Search<NonNullable<DesktopFacts['pulse']>> {
  const given = caller.environment['PULSE_SERVER'];
  const socket = given === undefined || given === '' ? defaultSocket(caller) : parsePulseServer(given);
  if (socket === null) {
    return given === undefined || given === ''
      ? { missing: 'There is no PulseAudio socket to pass on: XDG_RUNTIME_DIR is not set.', hint: 'set PULSE_SERVER=unix:PATH' }
      : { missing: `PULSE_SERVER ${JSON.stringify(given)} does not name a socket on this host.`, hint: 'set PULSE_SERVER=unix:PATH' };
  }
  if (!isSocket(socket)) {
    return {
      missing: `The PulseAudio socket ${socket} does not exist.`,
      hint: 'start pulseaudio or pipewire-pulse, or set PULSE_SERVER=unix:PATH',
    };
  }
  return { found: { socket, cookie: findPulseCookie(caller) } };
}

/** The first socket of the file system in a server string such as `{machine}unix:/run/pulse tcp:host`, or null. */
export function parsePulseServer(text: string): string | null {
  for (const server of text.split(/\s+/)) {
    const match = /^(?:\{[^}]*\})?(?:unix:)?(\/.*)$/.exec(server);
    if (match?.[1] !== undefined) return match[1];
  }
  return null;
}

function defaultSocket(caller: DesktopCaller): string | null {
  const own = caller.environment['PULSE_RUNTIME_PATH'];
  if (own?.startsWith('/') === true) return `${own}/native`;
  const runtime = findRuntimeDirectory(caller);
  return runtime === null ? null : `${runtime}/pulse/native`;
}

/** A cookie is 256 bytes; a file of any other length is none. */
function findPulseCookie(caller: DesktopCaller): Uint8Array | null {
  const { environment } = caller;
  const config = environment['XDG_CONFIG_HOME'];
  const files = [
    ...(environment['PULSE_COOKIE'] === undefined ? [] : [environment['PULSE_COOKIE']]),
    ...(config === undefined ? [] : [`${config}/pulse/cookie`]),
    ...findHomes(caller).flatMap((home) => [`${home}/.config/pulse/cookie`, `${home}/.pulse-cookie`]),
  ];
  for (const file of files) {
    const bytes = readSmallFile(file, 256);
    if (bytes?.length === 256) return bytes;
  }
  return null;
}

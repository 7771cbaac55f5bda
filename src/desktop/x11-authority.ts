import type { DesktopFacts } from '../host/facts.ts';
import { parseDisplay } from '../host/x11-display.ts';
import { connectX11 } from './x11-connection.ts';
import { formatGenerateUntrusted, formatQueryExtension, formatRevoke, parseGenerated, parseQueryExtension } from './x11-protocol.ts';
import { formatCookie, parseXauthority } from '../host/xauthority.ts';

type X11Facts = NonNullable<DesktopFacts['x11']>;

/** One run's right to use the X server, until `release`. */
export interface X11Grant {
  /** The authority file for the sandbox; null: the server needs none. */
  readonly authority: Uint8Array | null;
  /** The server keeps the sandbox's clients from reading other clients' windows, keys and screen. */
  readonly untrusted: boolean;
  /** Revokes the cookie and every connection made with it, if it was made for this run. */
  readonly release: () => Promise<void>;
}

/** How long an unused cookie lives on if isolate was killed before it could revoke it. */
const unusedSeconds = 60;

/**
 * Gets a cookie for one run: an untrusted new one if the server has the SECURITY extension, else the caller's own. A connection of ours
 * keeps a new cookie alive, because the server forgets one that no client uses for a minute; so it also ends if isolate is killed.
 * (Security Extension Specification)
 */
export async function grantX11(x11: X11Facts): Promise<X11Grant> {
  const own: X11Grant = { authority: x11.authority, untrusted: false, release: async () => {} };
  const number = parseDisplay(x11.display)?.number ?? '';
  const cookie = x11.authority === null ? null : (parseXauthority(x11.authority)[0]?.data ?? null);
  const trusted = await connectX11(x11.socket, cookie);
  if (trusted === null) return own;
  const extension = await trusted.ask(formatQueryExtension('SECURITY'));
  const opcode = extension === null ? null : parseQueryExtension(extension);
  const reply = opcode === null ? null : await trusted.ask(formatGenerateUntrusted(opcode, unusedSeconds));
  if (opcode === null || reply === null) {
    trusted.close();
    return own;
  }
  const generated = parseGenerated(reply);
  const keeper = await connectX11(x11.socket, generated.cookie);
  return {
    authority: formatCookie(number, generated.cookie),
    untrusted: true,
    release: async () => {
      // The answer to the second request means that the first was carried out.
      await trusted.ask(formatRevoke(opcode, generated.id), formatQueryExtension('SECURITY'));
      keeper?.close();
      trusted.close();
    },
  };
}

/** A display of this host's X server. */
export interface LocalDisplay {
  /** In decimal. */
  readonly number: string;
  /** As a sandbox names it: `:N` or `:N.SCREEN`. */
  readonly name: string;
  readonly socket: string;
}

/**
 * Parses $DISPLAY (X(7)). Accepts only displays with a socket in the file system; null for displays with a host name, which a sandbox
 * could reach only over the network, and for anything else.
 */
export function parseDisplay(text: string): LocalDisplay | null {
  const match = /^(?:unix)?:(\d{1,5})(\.\d{1,3})?$/.exec(text);
  const number = match?.[1];
  if (match === null || number === undefined) return null;
  const plain = String(Number(number));
  return { number: plain, name: `:${plain}${match[2] ?? ''}`, socket: `/tmp/.X11-unix/X${plain}` };
}

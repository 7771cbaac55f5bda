/** A display of this host's X server. */
export interface LocalDisplay {
  /** In decimal. */
  readonly number: string;
  /** As a sandbox names it: `:N` or `:N.SCREEN`. */
  readonly name: string;
  readonly socket: string;
}

/**
 * Parses $DISPLAY (X(7)). Only displays with a socket in the file system: null for a host's, whose server a sandbox could
 * reach over the network alone, and for anything else.
 */
export function parseDisplay(text: string): LocalDisplay | null {
  const match = /^(?:unix)?:(\d{1,5})(\.\d{1,3})?$/.exec(text);
  const number = match?.[1];
  if (match === null || number === undefined) return null;
  const plain = String(Number(number));
  return { number: plain, name: `:${plain}${match[2] ?? ''}`, socket: `/tmp/.X11-unix/X${plain}` };
}

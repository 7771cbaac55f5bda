/** One record of an X authority file (Xsecurity(7), libXau's Xauth structure). */
export interface XauthorityEntry {
  /** 0 and 6: internet addresses, 256: a host name of this machine, 65535: any address. */
  readonly family: number;
  readonly address: Uint8Array;
  /** Display number in decimal; empty: any. */
  readonly number: string;
  readonly name: string;
  readonly data: Uint8Array;
}

export const familyWild = 0xffff;
export const magicCookie = 'MIT-MAGIC-COOKIE-1';

/** Parses an authority file; like libXau, it ignores everything from a truncated record on. */
export function parseXauthority(bytes: Uint8Array): readonly XauthorityEntry[] {
  const entries: XauthorityEntry[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const takeNumber = (): number | null => {
    if (offset + 2 > bytes.length) return null;
    offset += 2;
    return view.getUint16(offset - 2);
  };
  const takeBytes = (): Uint8Array | null => {
    const length = takeNumber();
    if (length === null || offset + length > bytes.length) return null;
    offset += length;
    return bytes.slice(offset - length, offset);
  };
  while (offset < bytes.length) {
    const family = takeNumber();
    const address = takeBytes();
    const number = takeBytes();
    const name = takeBytes();
    const data = takeBytes();
    if (family === null || address === null || number === null || name === null || data === null) break;
    entries.push({ family, address, number: decode(number), name: decode(name), data });
  }
  return entries;
}

/** The inverse of `parseXauthority`. Fields are at most 65535 bytes long. */
export function formatXauthority(entries: readonly XauthorityEntry[]): Uint8Array {
  const parts = entries.flatMap((entry) => [
    formatNumber(entry.family),
    ...[entry.address, encode(entry.number), encode(entry.name), entry.data].flatMap((field) => [formatNumber(field.length), field]),
  ]);
  return Uint8Array.from(Buffer.concat(parts));
}

/**
 * The cookie that a client on this host would use for display `number`: from a record for this host's name, else for any address, else
 * for an earlier host name. Null: there is none.
 */
export function findCookie(entries: readonly XauthorityEntry[], number: string, hostname: string): Uint8Array | null {
  const cookies = entries.filter((entry) => entry.name === magicCookie && (entry.number === number || entry.number === ''));
  const local = cookies.filter((entry) => entry.family === 256);
  const chosen =
    local.find((entry) => decode(entry.address) === hostname) ?? cookies.find((entry) => entry.family === familyWild) ?? local[0];
  return chosen?.data ?? null;
}

/** An authority file with this one cookie for display `number`, whatever the host is called where it is read. */
export function formatCookie(number: string, cookie: Uint8Array): Uint8Array {
  return formatXauthority([{ family: familyWild, address: new Uint8Array(), number, name: magicCookie, data: cookie }]);
}

function formatNumber(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

/** Bytes as characters one to one, because names in authority files have no encoding. */
function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function encode(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

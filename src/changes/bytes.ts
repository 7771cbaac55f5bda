import { Buffer } from 'node:buffer';

/** What bytes say that have one character each, if they are UTF-8; otherwise null. */
export function decodeUtf8(bytes: string): string | null {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return Buffer.from(text, 'utf8').toString('latin1') === bytes ? text : null;
}

/** The same in which what is no UTF-8 appears as U+FFFD. */
export function decodeLoosely(bytes: string): string {
  return /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** Bytes from a string that has one character for each. */
export function toBytes(bytes: string): Uint8Array {
  return Buffer.from(bytes, 'latin1');
}

/** A string that has one character for each byte. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

import { magicCookie } from '../host/xauthority.ts';

/**
 * A reply or error from the server (X Window System Protocol, "Connection Setup" and appendix B). `length` is the total number of bytes
 * read for it.
 */
export type X11Answer =
  | { readonly kind: 'reply'; readonly bytes: Buffer; readonly length: number }
  | { readonly kind: 'error'; readonly code: number; readonly length: number };

/** The only kind of event that is longer than 32 bytes, with a length as in a reply (X Generic Event Extension). */
const genericEvent = 35;

/** The first message of a client, with or without a cookie. */
export function formatSetup(cookie: Uint8Array | null): Buffer {
  const name = cookie === null ? Buffer.alloc(0) : Buffer.from(magicCookie);
  const data = cookie === null ? Buffer.alloc(0) : Buffer.from(cookie);
  const head = Buffer.alloc(12);
  head.write('l', 0); // all that follows is little-endian
  head.writeUInt16LE(11, 2);
  head.writeUInt16LE(name.length, 6);
  head.writeUInt16LE(data.length, 8);
  return Buffer.concat([head, pad(name), pad(data)]);
}

/** The server's answer to the setup, or null while it is incomplete. */
export function parseSetup(bytes: Buffer): { readonly accepted: boolean; readonly length: number } | null {
  if (bytes.length < 8) return null;
  const length = 8 + 4 * bytes.readUInt16LE(6);
  return bytes.length < length ? null : { accepted: bytes[0] === 1, length };
}

/** The next reply or error, or null while it is incomplete. Events, which some servers send unasked, are skipped. */
export function parseAnswer(bytes: Buffer): X11Answer | null {
  for (let start = 0; bytes.length >= start + 32;) {
    const kind = bytes.readUInt8(start);
    if (kind === 0) return { kind: 'error', code: bytes.readUInt8(start + 1), length: start + 32 };
    const end = start + 32 + (kind === 1 || kind === genericEvent ? 4 * bytes.readUInt32LE(start + 4) : 0);
    if (kind === 1) return bytes.length < end ? null : { kind: 'reply', bytes: bytes.subarray(start, end), length: end };
    start = end;
  }
  return null;
}

/** Asks for the opcode of an extension. */
export function formatQueryExtension(name: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(name.length, 0);
  return formatRequest(98, 0, [head, pad(Buffer.from(name))]);
}

/** The opcode of the requested extension; null: the server does not have it. */
export function parseQueryExtension(reply: Buffer): number | null {
  return reply[8] === 1 ? reply.readUInt8(9) : null;
}

/**
 * Asks for a new cookie whose clients are untrusted and which expires when no client has used it for `timeoutSeconds`.
 * (Security Extension Specification, SecurityGenerateAuthorization)
 */
export function formatGenerateUntrusted(opcode: number, timeoutSeconds: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(magicCookie.length, 0);
  head.writeUInt32LE(0b11, 4); // the two values below
  const values = Buffer.alloc(8);
  values.writeUInt32LE(timeoutSeconds, 0);
  values.writeUInt32LE(1, 4); // untrusted
  return formatRequest(opcode, 1, [head, pad(Buffer.from(magicCookie)), values]);
}

/** The new cookie, and the id that revokes it. */
export function parseGenerated(reply: Buffer): { readonly id: number; readonly cookie: Uint8Array } {
  return { id: reply.readUInt32LE(8), cookie: Uint8Array.from(reply.subarray(32, 32 + reply.readUInt16LE(12))) };
}

/** Revokes a cookie and the connections made with it (SecurityRevokeAuthorization). */
export function formatRevoke(opcode: number, id: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32LE(id, 0);
  return formatRequest(opcode, 2, [body]);
}

function formatRequest(opcode: number, minor: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head.writeUInt8(opcode, 0);
  head.writeUInt8(minor, 1);
  head.writeUInt16LE(1 + body.length / 4, 2);
  return Buffer.concat([head, body]);
}

/** The protocol rounds every field up to four bytes. */
function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

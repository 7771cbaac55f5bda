import { createHash, type Hash } from 'node:crypto';

import { IsolateError } from '../../error.ts';

/** A content's name by its hash (image-spec, descriptor.md). */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
}

/** The hex digits of each algorithm. */
const lengths: Readonly<Record<Digest['algorithm'], number>> = { sha256: 64, sha512: 128 };

/** `what` is what has this digest, in errors. Throws `bad-source`: a digest becomes a path, so it has exactly this form. */
export function parseDigest(value: unknown, what: string): Digest {
  const [, algorithm, hex = ''] = typeof value === 'string' ? (/^(sha256|sha512):([0-9a-f]+)$/.exec(value) ?? []) : [];
  if ((algorithm === 'sha256' || algorithm === 'sha512') && hex.length === lengths[algorithm]) return { algorithm, hex };
  // Other values may be too deep to be printed.
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 160)) : value === undefined ? 'nothing' : 'no text';
  throw new IsolateError('bad-source', `${what} has ${shown} as its digest, which is none.`);
}

export function printDigest({ algorithm, hex }: Digest): string {
  return `${algorithm}:${hex}`;
}

/** Where an image layout has the content. */
export function blobPath({ algorithm, hex }: Digest): string {
  return `blobs/${algorithm}/${hex}`;
}

export function startHash(algorithm: Digest['algorithm']): Hash {
  return createHash(algorithm);
}

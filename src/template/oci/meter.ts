import { Transform } from 'node:stream';

import { type Digest, startHash } from './digest.ts';

/** A stream that passes bytes on, and what is known about them at its end. */
export interface Meter {
  readonly stream: Transform;
  readonly bytes: () => number;
  /** Once, at the end. */
  readonly hex: () => string;
}

/** Sums up what passes. `onBytes` gets the number so far; what it throws ends the stream. */
export function startMeter(algorithm: Digest['algorithm'], onBytes: (bytes: number) => void): Meter {
  const hash = startHash(algorithm);
  let bytes = 0;
  const stream = new Transform({
    highWaterMark: 2 ** 20,
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      try {
        onBytes(bytes);
      } catch (error) {
        done(error as Error);
        return;
      }
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes, hex: () => hash.digest('hex') };
}

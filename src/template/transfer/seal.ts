import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

import { IsolateError } from '../../error.ts';

const word = '\nisolate-template end ';
/** `word`, the SHA-256 of the payload in hex, and a newline. */
const sealBytes = word.length + 64 + 1;

/** A payload on its way. */
export interface SealedPayload {
  readonly stream: Transform;
  /** Bytes of the payload so far. */
  readonly bytes: () => number;
}

/** Puts a seal behind a payload. A payload that was cut can then be told from a whole one, which tar(1) cannot do. */
export function sealPayload(): SealedPayload {
  const hash = createHash('sha256');
  let bytes = 0;
  const stream = new Transform({
    transform: (chunk: Buffer, _, done) => {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
    flush: (done) => done(null, Buffer.from(`${word}${hash.digest('hex')}\n`)),
  });
  return { stream, bytes: () => bytes };
}

/** Takes the seal off. `whole` rejects with `bad-source` if there is none or it is another's; `from` is the stream in messages. */
export function unsealPayload(from: string): SealedPayload & { readonly whole: Promise<void> } {
  const hash = createHash('sha256');
  let bytes = 0;
  // The last bytes may be the seal.
  let held = Buffer.alloc(0);
  let settle: (error: IsolateError | null) => void = () => {};
  const whole = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === null ? resolve() : reject(error));
  });
  // Who waits for it may come late.
  whole.catch(() => {});
  const stream = new Transform({
    transform: (chunk: Buffer, _, done) => {
      const all = Buffer.concat([held, chunk]);
      const payload = all.subarray(0, Math.max(0, all.length - sealBytes));
      held = Buffer.from(all.subarray(payload.length));
      hash.update(payload);
      bytes += payload.length;
      done(null, payload);
    },
    flush: (done) => {
      const error = checkSeal(held.toString('latin1'), hash.digest('hex'), from);
      settle(error);
      done(error);
    },
  });
  // It is told by `whole`.
  stream.on('error', () => {});
  stream.once('close', () => settle(endedEarly(from)));
  return { stream, bytes: () => bytes, whole };
}

function checkSeal(seal: string, digest: string, from: string): IsolateError | null {
  if (seal === `${word}${digest}\n`) return null;
  if (!seal.startsWith(word)) return endedEarly(from);
  return new IsolateError('bad-source', `${from} was damaged on its way: its checksum is wrong.`, { hint: 'send it again' });
}

function endedEarly(from: string): IsolateError {
  return new IsolateError('bad-source', `${from} ended before the template was complete.`, { hint: 'send it again' });
}

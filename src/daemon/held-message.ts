import { decodeMessage, frameName, type Message, messageBytes } from '../wire/frame.ts';
import type { MessageName } from '../wire/schema.ts';
import type { Account, Hold } from './backlog.ts';

/** A message that waits for its turn or is being handled. Its bytes are freed when it is decoded. */
export interface HeldMessage {
  frame: Uint8Array | null;
  readonly hold: Hold;
}

const uncounted: Hold = { resize: () => true, release: () => {} };

/** Null: there is no room for it. Without an account it is not counted. */
export function holdMessage(frame: Uint8Array, account: Account | null): HeldMessage | null {
  const hold = account === null ? uncounted : account.hold(frame.length);
  // A copy, because the frame is part of a larger buffer from the broker, which would be kept as a whole.
  return hold === null ? null : { frame: new Uint8Array(frame), hold };
}

/** To be called once; null: it is not a message, or there is no room for it. */
export function decodeHeld(held: HeldMessage): Message | null {
  const { frame, hold } = held;
  held.frame = null;
  return frame === null || !hold.resize(messageBytes(frame)) ? null : decodeClient(frame);
}

/** Null: it is no message of a client's. */
export function decodeClient(frame: Uint8Array): Message | null {
  try {
    return decodeMessage(frame, 'client');
  } catch {
    return null;
  }
}

/** Null: it is no message of a client's. */
export function nameOf(frame: Uint8Array): MessageName | null {
  try {
    return frameName(frame, 'client');
  } catch {
    return null;
  }
}

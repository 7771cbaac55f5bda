import { describe, expect, it } from 'vitest';

import { parseLaunchEvents } from '../../../src/launch/events.ts';

function bytes(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * numbers.length);
  numbers.forEach((value, index) => buffer.writeUInt32LE(value, 4 * index));
  return buffer;
}

describe('parseLaunchEvents', () => {
  it('reads each kind of event', () => {
    const stream = bytes(1, 77, 0, 0, 2, 130, 0, 0, 3, 9, 0, 0, 3, 9, 2, 0, 4, 13, 2, 31, 5, 2, 0, 0, 6, 0, 0, 0);
    expect(parseLaunchEvents(stream)).toEqual({
      events: [
        { kind: 'started', pid: 77 },
        { kind: 'ended', outcome: { kind: 'exited', code: 130 } },
        { kind: 'ended', outcome: { kind: 'killed', signal: 'SIGKILL' } },
        { kind: 'ended', outcome: { kind: 'killed', signal: 'SIGKILL', outOfMemory: true } },
        { kind: 'failed', step: 'mount', errno: 2, item: 31 },
        { kind: 'ended', outcome: { kind: 'not-executed', errno: 'ENOENT' } },
        { kind: 'ended', outcome: { kind: 'timed-out' } },
      ],
      rest: Buffer.alloc(0),
    });
  });

  it('keeps the part of an event that has not come yet', () => {
    const stream = bytes(1, 77, 0, 0, 2, 130);
    expect(parseLaunchEvents(stream)).toEqual({ events: [{ kind: 'started', pid: 77 }], rest: bytes(2, 130) });
  });

  it('passes over kinds it does not know', () => {
    expect(parseLaunchEvents(bytes(99, 1, 2, 3)).events).toEqual([]);
  });
});

import { decodeOutcome, type Outcome } from './outcome.ts';
import { events as kinds } from './schema.ts';
import { type LaunchStep, steps } from './steps.ts';

/** What the launcher reports while a run lives; launcher/RECORD.md has the bytes. */
export type LaunchEvent =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly step: LaunchStep; readonly errno: number; readonly item: number };

const eventBytes = 16;

/** The complete events in `bytes`, and the bytes after the last of them. Unknown kinds are skipped. */
export function parseLaunchEvents(bytes: Uint8Array): { readonly events: readonly LaunchEvent[]; readonly rest: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % eventBytes);
  const events: LaunchEvent[] = [];
  for (let at = 0; at < whole; at += eventBytes) {
    const [kind, a, b, c] = [0, 4, 8, 12].map((offset) => view.getUint32(at + offset, true)) as [number, number, number, number];
    const event = decode(kind, a, b, c);
    if (event !== null) events.push(event);
  }
  return { events, rest: bytes.subarray(whole) };
}

function decode(kind: number, a: number, b: number, c: number): LaunchEvent | null {
  if (kind === kinds.started.kind) return { kind: 'started', pid: a };
  if (kind === kinds.failed.kind) return { kind: 'failed', step: steps[a - 1] ?? 'supervision', errno: b, item: c };
  const outcome = decodeOutcome(kind, a);
  if (outcome === null) return null;
  const isOutOfMemory = b > 0 && (outcome.kind === 'exited' || outcome.kind === 'killed');
  return { kind: 'ended', outcome: isOutOfMemory ? { ...outcome, outOfMemory: true } : outcome };
}

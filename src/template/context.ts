import type { Facts } from '../host/facts.ts';
import { type HolderId, readOwnHolder } from '../pool/holder.ts';
import { callerFacts } from '../run/caller-facts.ts';

/** What the stores of templates need to know of their caller. */
export interface TemplateContext {
  readonly facts: Facts;
  /** The process that changes templates. */
  readonly holder: HolderId;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Ends the long steps of a change, which then leaves everything as it was; absent: nothing does. */
  readonly signal?: AbortSignal;
  /** Called between the steps of every change, so that tests can end the process there. */
  readonly checkpoint: (step: string) => void;
}

/** The context of this process. Throws `bad-config`. */
export async function callerContext(): Promise<TemplateContext> {
  return { facts: await callerFacts(), holder: readOwnHolder(), clock: Date.now, checkpoint: () => {} };
}

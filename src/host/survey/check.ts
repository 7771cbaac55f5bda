/** One thing isolate can use, and how it stands with it on this host. */
export interface Check {
  /** Stable: `--json` prints it and tests name it. */
  readonly id: string;
  /** `limited`: isolate works, but something that was asked for may be refused or be slower. */
  readonly state: 'ok' | 'missing' | 'too-old' | 'limited';
  /** What was found, in one line. */
  readonly fact: string;
  /** The command, or the one step, that solves it on Debian; absent: there is none. */
  readonly hint?: string;
}

/** A sentence as a fact, which has no capital at its beginning and no full stop. */
export function toFact(sentence: string): string {
  return sentence.replace(/\.$/, '').replace(/^(?:The|There|This|Only|No|You) /, (word) => word.toLowerCase());
}

/** A check that found all it wants. */
export function ok(id: string, fact: string): Check {
  return { id, state: 'ok', fact };
}

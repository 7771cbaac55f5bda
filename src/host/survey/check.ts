/** One thing that isolate can use, and its state on this host. */
export interface Check {
  /** Stable: `--json` prints it and tests name it. */
  readonly id: string;
  /** `limited`: isolate works, but some requests may be refused or slower. */
  readonly state: 'ok' | 'missing' | 'too-old' | 'limited';
  /** What was found, in one line. */
  readonly fact: string;
  /** The command or single step that solves it on Debian; absent: there is none. */
  readonly hint?: string;
}

/** Turns a sentence into a fact, which has no capital at the beginning and no full stop. */
export function toFact(sentence: string): string {
  return sentence.replace(/\.$/, '').replace(/^(?:The|There|This|Only|No|You) /, (word) => word.toLowerCase());
}

/** A check that found everything in order. */
export function ok(id: string, fact: string): Check {
  return { id, state: 'ok', fact };
}

import { IsolateError } from '../error.ts';

/** How one attack went. `untried`: it could not be tried here, and `detail` says why. */
export interface ProofResult {
  readonly id: string;
  readonly verdict: 'held' | 'broken' | 'untried';
  /** The attack's answer; characters other than printable ASCII become question marks. */
  readonly detail: string;
}

const VERDICTS: readonly string[] = ['held', 'broken', 'untried'] satisfies readonly ProofResult['verdict'][];

/**
 * Parses what isolate-probe printed, one JSON object a line. A terminal's line ends (CR LF) are fine. Throws
 * IsolateError `engine-failed` for a line that is none of the probe's: it ran inside, its output is not to be trusted.
 */
export function parseProofResults(text: string): readonly ProofResult[] {
  return text
    .split(/\r*\n/)
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): ProofResult {
  const value = parseJson(line);
  if (typeof value === 'object' && value !== null && 'case' in value && 'verdict' in value && 'detail' in value) {
    const { case: id, verdict, detail } = value;
    if (typeof id === 'string' && /^[a-z0-9-]+\/[a-z0-9-]+$/.test(id) && isVerdict(verdict) && typeof detail === 'string') {
      return { id, verdict, detail: detail.replaceAll(/[^\x20-\x7e]/g, '?') };
    }
  }
  throw new IsolateError(
    'engine-failed',
    `The probe inside the sandbox printed a line that is not a result: ${JSON.stringify(line.slice(0, 200))}.`,
  );
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isVerdict(value: unknown): value is ProofResult['verdict'] {
  return typeof value === 'string' && VERDICTS.includes(value);
}

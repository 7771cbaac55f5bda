import { IsolateError } from '../error.ts';

/** What a user other than root is told of a clone. Its tree comes as a mount, in answer to `mount`. */
export interface Leased {
  /** Of the clone: decimal digits. */
  readonly id: string;
  /** Where the daemon has it mounted, for messages: the client itself cannot get there. */
  readonly path: string;
  /** The targets that were asked for, in order, as they really are in the clone: absolute, without symbolic links. */
  readonly targets: readonly string[];
}

/** The JSON of a message `leased`. */
export function formatLeased({ id, path, targets }: Leased): string {
  return JSON.stringify({ id, path, targets });
}

/** The inverse of `formatLeased`, for `count` targets. Throws `daemon-failed` for anything else. */
export function parseLeased(text: string, count: number): Leased {
  const data = parse(text);
  if (data === null || !isRecord(data)) throw malformed();
  const { id, path, targets } = data;
  if (typeof id !== 'string' || !/^[0-9]{1,20}$/.test(id) || !isPath(path)) throw malformed();
  if (!Array.isArray(targets) || targets.length !== count || !targets.every(isSettled)) throw malformed();
  return { id, path, targets };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && !Array.isArray(data);
}

function isPath(data: unknown): data is string {
  return typeof data === 'string' && data.startsWith('/') && !data.includes('\0');
}

function isSettled(data: unknown): data is string {
  return isPath(data) && !data.split('/').some((component) => component === '.' || component === '..');
}

function malformed(): IsolateError {
  return new IsolateError('daemon-failed', 'What the daemon says of the clone that it gives is malformed.');
}

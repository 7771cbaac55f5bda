import { IsolateError } from '../../error.ts';

/** The first line of every stream; the number changes when this version could not read the rest. */
export const firstLine = 'isolate-template 1';

/** More than a header needs. */
export const longestHeader = 16_384;

/**
 * What a stream carries. A ZFS stream is complete, or has the changes since the snapshot `base`, or is the rest of one that was
 * interrupted. The guid of a snapshot is the same in every pool.
 */
export type Carried =
  | { readonly kind: 'tar' }
  | { readonly kind: 'zfs'; readonly part: 'whole' | 'rest' }
  | { readonly kind: 'zfs'; readonly part: 'changes'; readonly base: string };

/** What a stream says about itself before its payload. */
export interface StreamHeader {
  /** The template as its sender calls it, for messages. */
  readonly name: string;
  /** The snapshot that is sent; null: the state that the template had. */
  readonly label: string | null;
  readonly carried: Carried;
}

/** Both lines of a header. */
export function printHeader({ name, label, carried }: StreamHeader): string {
  return `${firstLine}\n${JSON.stringify({ name, label, ...carried })}\n`;
}

/** The inverse of `printHeader` for its second line, which anybody may have written. `from` is the stream in messages. Throws `bad-source`. */
export function parseHeader(text: string, from: string): StreamHeader {
  const { name, label, kind, part, base } = readObject(text, from);
  const carried = readCarried(kind, part, base);
  if (!isLine(name) || (label !== null && !isLine(label)) || carried === null) throw badHeader(from);
  return { name, label, carried };
}

/** The guid of a snapshot, in decimal. */
export function isGuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9]{1,20}$/.test(value);
}

function readCarried(kind: unknown, part: unknown, base: unknown): Carried | null {
  if (kind === 'tar') return { kind };
  if (kind !== 'zfs') return null;
  if (part === 'whole' || part === 'rest') return { kind, part };
  return part === 'changes' && isGuid(base) ? { kind, part, base } : null;
}

function readObject(text: string, from: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw badHeader(from);
}

function isLine(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 4096 && !/\p{Cc}/u.test(value);
}

function badHeader(from: string): IsolateError {
  return new IsolateError('bad-source', `${from} has a header that this isolate does not know.`, {
    hint: 'the isolate that sent it may be newer than this one',
  });
}

import { fromBytes } from '../bytes.ts';
import { diffLines, type Edit } from './line-diff.ts';

export interface HunkLine {
  readonly sign: ' ' | '-' | '+';
  /** One character for each byte; without the newline. */
  readonly text: string;
  readonly hasNewline: boolean;
}

/** Lines that changed, with some around them. Lines are counted from 0. */
export interface Hunk {
  readonly beforeStart: number;
  readonly beforeCount: number;
  readonly afterStart: number;
  readonly afterCount: number;
  readonly lines: readonly HunkLine[];
}

export type TextDiff =
  | { readonly kind: 'binary' }
  /** Comparing them line by line would take too long. */
  | { readonly kind: 'too-different' }
  | {
      readonly kind: 'text';
      readonly hunks: readonly Hunk[];
      readonly added: number;
      readonly removed: number;
      /** Lines of both sides. */
      readonly kept: number;
    };

const context = 3;
/** A second or two. */
const defaultSteps = 50_000_000;

/** Compares two texts line by line. What contains a NUL is no text. */
export function diffTexts(before: Uint8Array, after: Uint8Array, mostSteps = defaultSteps): TextDiff {
  if (before.includes(0) || after.includes(0)) return { kind: 'binary' };
  const [old, now] = [splitLines(before), splitLines(after)];
  const edits = diffLines(old, now, mostSteps);
  if (edits === null) return { kind: 'too-different' };
  const count = (length: (edit: Edit) => number): number => edits.reduce((sum, edit) => sum + length(edit), 0);
  const removed = count(({ beforeStart, beforeEnd }) => beforeEnd - beforeStart);
  return {
    kind: 'text',
    hunks: groupEdits(edits).map((group) => makeHunk(group, old, now)),
    added: count(({ afterStart, afterEnd }) => afterEnd - afterStart),
    removed,
    kept: old.length - removed,
  };
}

/** With their newlines, so that a last line without one differs from one with. */
function splitLines(bytes: Uint8Array): readonly string[] {
  return fromBytes(bytes).match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Edits whose surroundings touch are one hunk. */
function groupEdits(edits: readonly Edit[]): readonly (readonly Edit[])[] {
  const groups: Edit[][] = [];
  for (const edit of edits) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group !== undefined && last !== undefined && edit.beforeStart - last.beforeEnd <= 2 * context) group.push(edit);
    else groups.push([edit]);
  }
  return groups;
}

function makeHunk(edits: readonly Edit[], before: readonly string[], after: readonly string[]): Hunk {
  const first = edits[0]?.beforeStart ?? 0;
  const offset = (edits[0]?.afterStart ?? 0) - first;
  const beforeStart = Math.max(0, first - context);
  const lines: HunkLine[] = [];
  const push = (sign: HunkLine['sign'], some: readonly string[]): void => {
    for (const line of some) lines.push({ sign, text: line.replace(/\n$/, ''), hasNewline: line.endsWith('\n') });
  };
  let at = beforeStart;
  for (const edit of edits) {
    push(' ', before.slice(at, edit.beforeStart));
    push('-', before.slice(edit.beforeStart, edit.beforeEnd));
    push('+', after.slice(edit.afterStart, edit.afterEnd));
    at = edit.beforeEnd;
  }
  push(' ', before.slice(at, at + context));
  const count = (sign: HunkLine['sign']): number => lines.filter((line) => line.sign !== sign).length;
  return { beforeStart, beforeCount: count('+'), afterStart: beforeStart + offset, afterCount: count('-'), lines };
}

import { Buffer } from 'node:buffer';

import { decodeLoosely, fromBytes, toBytes } from '../bytes.ts';
import type { BytePath, Change, FileState } from '../change.ts';
import { quotePath } from '../show-path.ts';
import { describe, describeMetadata, letterOf, letterWords, showMode } from '../words.ts';
import { diffTexts, type Hunk, type TextDiff } from './text-diff.ts';
import { dangerousCharacters, escapeCharacter } from '../../json.ts';

/** What is in a regular file; null: that side is none, or its content is not known, as when it is too large. */
export interface Contents {
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

/**
 * A change as a patch that `git apply` and patch(1) take, with git's headers. What a patch cannot hold (directories, devices, owners, bits
 * of the mode but those for execution, attributes, binary content) is said before it in lines that both ignore. Moved directories must not
 * be folded (`findMoves`). Contents are in it as they are: `showPatch` makes it safe for a terminal.
 */
export function renderPatch(change: Change, contents: Contents): Uint8Array {
  return toBytes([...remarksOn(change), ...(isReplaced(change) ? replace(change, contents) : [patchOne(change, contents)])].join(''));
}

/** git has no change of type, and patch(1) neither moves nor changes a link. */
function isReplaced({ before, after, movedFrom, kinds }: Change): boolean {
  if (before === null || after === null) return false;
  return before.kind !== after.kind || (after.kind === 'link' && (movedFrom !== undefined || kinds.includes('content')));
}

/** The file goes, and another comes. */
function replace({ movedFrom, ...change }: Change, contents: Contents): readonly string[] {
  return [
    patchOne({ ...change, path: movedFrom ?? change.path, after: null }, { ...contents, after: null }),
    patchOne({ ...change, before: null }, { ...contents, before: null }),
  ];
}

function heldState(state: FileState | null): FileState | null {
  return state?.kind === 'file' || state?.kind === 'link' ? state : null;
}

function remarksOn(change: Change): readonly string[] {
  const { path, before, after, kinds } = change;
  const say = (text: string): string => `# ${quotePath(path)}: ${Buffer.from(text).toString('latin1')}\n`;
  const isHeld = [before, after].every((state) => state === null || heldState(state) !== null);
  const words = (isHeld ? describeMetadata(change) : describe(change)).map(({ text }) => text);
  const kind = after?.kind === 'directory' || before?.kind === 'directory' ? ['directory'] : [];
  if (!isHeld) return [say([letterWords[letterOf(change)], ...kind, ...words].join(', '))];
  const hasOddMode = after?.kind === 'file' && ![0o644, 0o755].includes(after.mode) && (before === null || kinds.includes('mode'));
  return [...(hasOddMode ? [say(`mode ${showMode(after.mode)}`)] : []), ...(words.length === 0 ? [] : [say(words.join(', '))])];
}

/** The part of one `diff --git` line. */
function patchOne(change: Change, contents: Contents): string {
  const { path, before, after, kinds, movedFrom } = change;
  const old = heldState(before);
  const now = heldState(after);
  if (old === null && now === null) return '';
  const names = { before: `a/${movedFrom ?? path}`, after: `b/${path}` };
  const isChanged = old === null || now === null || kinds.includes('content');
  const diff: TextDiff | null = isChanged ? compareSides(old, now, contents) : noDifference;
  if (diff?.kind === 'text') return renderHeader(change, diff, names) + renderHunks(diff.hunks, old, now, names);
  const because =
    diff === null
      ? 'its content is not known'
      : diff.kind === 'too-different'
        ? 'the texts are too different to be compared line by line'
        : null;
  const said =
    because === null
      ? `Binary files ${sideName(old, names.before)} and ${sideName(now, names.after)} differ\n`
      : `# ${quotePath(path)}: ${because}\n`;
  // What comes or goes would have no content in it.
  return said + (old === null || now === null ? '' : renderHeader(change, noDifference, names));
}

const noDifference: TextDiff & { readonly kind: 'text' } = { kind: 'text', hunks: [], added: 0, removed: 0, kept: 1 };

/** null: a content is not known. */
function compareSides(old: FileState | null, now: FileState | null, contents: Contents): TextDiff | null {
  const [before, after] = [bytesOf(old, contents.before), bytesOf(now, contents.after)];
  return before === null || after === null ? null : diffTexts(before, after);
}

function bytesOf(state: FileState | null, content: Uint8Array | null): Uint8Array | null {
  if (state === null) return new Uint8Array();
  return state.kind === 'link' ? toBytes(state.target ?? '') : content;
}

/** git's name of no content. patch(1) deletes an empty file only if it is told that it is empty. */
const emptyBlob = 'e69de29';

interface Names {
  readonly before: BytePath;
  readonly after: BytePath;
}

function renderHeader(
  { before, after, path, movedFrom }: Change,
  { added, removed, kept }: TextDiff & { kind: 'text' },
  names: Names,
): string {
  const lines = [`diff --git ${quoteName(names.before)} ${quoteName(names.after)}`];
  const [oldMode, newMode] = [gitMode(before), gitMode(after)];
  if (before === null) lines.push(`new file mode ${newMode}`, ...(added === 0 ? [`index 0000000..${emptyBlob}`] : []));
  else if (after === null) lines.push(`deleted file mode ${oldMode}`, ...(removed === 0 ? [`index ${emptyBlob}..0000000`] : []));
  else {
    if (oldMode !== newMode) lines.push(`old mode ${oldMode}`, `new mode ${newMode}`);
    if (movedFrom !== undefined) {
      const similarity = Math.floor((100 * kept) / Math.max(1, kept + Math.max(added, removed)));
      lines.push(`similarity index ${similarity}%`, `rename from ${quoteName(movedFrom)}`, `rename to ${quoteName(path)}`);
    }
  }
  return lines.length === 1 && added + removed === 0 ? '' : lines.map((line) => `${line}\n`).join('');
}

/** patch(1) takes a name with spaces only in quotes, where no other line repeats it. */
function quoteName(name: BytePath): string {
  const quoted = quotePath(name);
  return quoted === name && name.includes(' ') ? `"${name}"` : quoted;
}

function gitMode(state: FileState | null): string {
  if (state?.kind === 'link') return '120000';
  return state !== null && (state.mode & 0o100) !== 0 ? '100755' : '100644';
}

function renderHunks(hunks: readonly Hunk[], old: FileState | null, now: FileState | null, names: Names): string {
  if (hunks.length === 0) return '';
  const range = (start: number, count: number): string => `${count === 0 ? start : start + 1}${count === 1 ? '' : `,${count}`}`;
  const texts = hunks.map(({ beforeStart, beforeCount, afterStart, afterCount, lines }) => {
    const body = lines.map(({ sign, text, hasNewline }) => `${sign}${text}\n${hasNewline ? '' : '\\ No newline at end of file\n'}`);
    return `@@ -${range(beforeStart, beforeCount)} +${range(afterStart, afterCount)} @@\n${body.join('')}`;
  });
  return `--- ${sideName(old, names.before)}\n+++ ${sideName(now, names.after)}\n${texts.join('')}`;
}

function sideName(state: FileState | null, name: BytePath): string {
  return state === null ? '/dev/null' : quoteName(name);
}

const lineColours: readonly (readonly [string, number])[] = [
  ['diff --git ', 1],
  ['--- ', 1],
  ['+++ ', 1],
  ['@@ ', 36],
  ['+', 32],
  ['-', 31],
];

/** A patch for a terminal: what is dangerous to it is escaped, so that no program takes it any more. */
export function showPatch(patch: Uint8Array, { colour }: { readonly colour: boolean }): string {
  const isKept = (character: string): boolean => character === '\t' || character === '\n';
  const text = decodeLoosely(fromBytes(patch)).replaceAll(dangerousCharacters, (each) => (isKept(each) ? each : escapeCharacter(each)));
  const paint = (line: string): string => {
    const code = lineColours.find(([start]) => line.startsWith(start))?.[1];
    return colour && code !== undefined ? `\u001b[${code}m${line}\u001b[0m` : line;
  };
  return text.split('\n').map(paint).join('\n');
}

import { decodeLoosely } from '../../bytes.ts';
import type { BytePath } from '../../change.ts';
import { formatCount } from '../../finding.ts';
import type { Hunk, HunkLine, TextDiff } from '../text-diff.ts';
import { escapeHtml } from './escape.ts';

/** So many lines of patches does a page have, and so much of each line. */
const mostLines = 20_000;
const mostOfLine = 2000;

/** The patch of each path in HTML, or ''. Each is asked for once; when there were too many, those after it are only mentioned. */
export function patchRenderer(patches: ReadonlyMap<BytePath, TextDiff>): (path: BytePath) => string {
  let left = mostLines;
  return (path) => {
    const diff = patches.get(path);
    if (diff === undefined) return '';
    if (diff.kind !== 'text')
      return note(diff.kind === 'binary' ? 'The content is binary.' : 'The texts are too different to be compared line by line.');
    const length = diff.hunks.reduce((sum, { lines }) => sum + lines.length, 0);
    if (length === 0) return '';
    if (length > left) return note(`The page has no room for ${formatCount(length)} lines of difference.`);
    left -= length;
    return `<pre>${diff.hunks.map(renderHunk).join('')}</pre>`;
  };
}

const note = (text: string): string => `<dl><dt>Content</dt><dd>${text}</dd></dl>`;

function renderHunk({ beforeStart, afterStart, lines }: Hunk): string {
  const place = `line ${beforeStart + 1}${afterStart === beforeStart ? '' : `, now ${afterStart + 1}`}`;
  return `<i>${place}</i>${lines.map(renderLine).join('')}`;
}

const elements = { ' ': 'span', '+': 'ins', '-': 'del' } as const;

function renderLine({ sign, text, hasNewline }: HunkLine): string {
  const element = elements[sign];
  const left = text.length - mostOfLine;
  const notes = [
    ...(left > 0 ? [`and ${formatCount(left)} more ${left === 1 ? 'byte' : 'bytes'} of this line`] : []),
    ...(hasNewline ? [] : ['no newline at the end']),
  ];
  const line = `<${element}>${sign}${escapeHtml(decodeLoosely(text.slice(0, mostOfLine)))}</${element}>`;
  return line + notes.map((words) => `<i>${words}</i>`).join('');
}

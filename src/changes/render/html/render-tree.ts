import { fromBytes } from '../../bytes.ts';
import type { AttributeChange, BytePath, Change, FileState } from '../../change.ts';
import { formatCount } from '../../finding.ts';
import { showPath } from '../../show-path.ts';
import { showTime } from '../../show-time.ts';
import { describe, isPlainAddition, kindName, letterOf, letterWords, showId, showMode, showSize } from '../../words.ts';
import { escapeHtml } from './escape.ts';
import type { TreeNode } from './tree.ts';

/** What a tree needs to know about each change. */
export interface TreeContext {
  /** The `id` of its element. */
  readonly ids: ReadonlyMap<Change, string>;
  /** The patch in HTML, or ''. */
  readonly patchOf: (path: BytePath) => string;
}

/** Directories with more below are closed, unless there is something that should be seen. */
const mostOpen = 20;

/** The items of a list, with the lists in them. */
export function* renderTree(nodes: readonly TreeNode[], context: TreeContext): Generator<string> {
  for (const node of nodes) {
    const { change, children, count, isNotable } = node;
    const isOpen = children.length > 0 && (isNotable || count <= mostOpen);
    const id = change === null ? undefined : context.ids.get(change);
    yield `<li${change === null ? '' : ` class="${letterOf(change)}"`}${id === undefined ? '' : ` id="${id}"`}><details${isOpen ? ' open' : ''}>`;
    yield `<summary><span class="n">${showName(node)}</span>`;
    if (change !== null) yield ` <b>${letterWords[letterOf(change)]}</b>${renderWords(change)}`;
    if (children.length > 0) yield ` <span class="c">${countChanges(count)}</span>`;
    yield '</summary>';
    // Of a new directory the list says enough.
    if (change !== null && (children.length === 0 || !isPlainAddition(change))) yield renderFacts(change) + context.patchOf(change.path);
    if (children.length > 0) {
      yield `<ul>\n`;
      yield* renderTree(children, context);
      yield '</ul>';
    }
    yield `</details></li>\n`;
  }
}

export function countChanges(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'change' : 'changes'}`;
}

function showName({ name, change, children }: TreeNode): string {
  if (name === '.') return '/';
  const isDirectory = children.length > 0 || (change?.after ?? change?.before)?.kind === 'directory';
  return escapeHtml(`${showPath(name)}${isDirectory ? '/' : ''}`);
}

function renderWords(change: Change): string {
  const words = describe(change).map(({ text, isGrave }) => (isGrave ? `<strong>${renderWord(text)}</strong>` : renderWord(text)));
  return words.length === 0 ? '' : ` <span class="w">${words.join(', ')}</span>`;
}

/** Lines don't end within an arrow. */
function renderWord(text: string): string {
  return escapeHtml(text).replaceAll('-&gt;', '<span>$&</span>');
}

function renderFacts({ before, after, movedFrom, attributes }: Change): string {
  const facts = [
    ...(movedFrom === undefined ? [] : [['Was at', escapeHtml(showPath(`/${movedFrom}`))]]),
    ...(before === null ? [] : [['Before', renderState(before)]]),
    ...(after === null ? [] : [['Now', renderState(after)]]),
    ...attributes.map((attribute) => ['Attribute', escapeHtml(showAttribute(attribute))]),
  ];
  return `<dl>${facts.map(([title, html = '']) => `<dt>${title}</dt><dd>${html}</dd>`).join('')}</dl>`;
}

function renderState({ kind, mode, uid, gid, sizeBytes, modifiedNs }: FileState): string {
  const time = showTime(modifiedNs)
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
  const mostly = [kindName(kind), ...(kind === 'link' ? [] : [`mode ${showMode(mode)}`]), `owner ${showId(uid)}:${showId(gid)}`];
  return `${[...mostly, ...(kind === 'file' ? [showSize(sizeBytes)] : [])].join(', ')}, <span>${escapeHtml(time)}</span>`;
}

/** Of a value so much that one sees what it is. */
const mostOfValue = 64;

function showAttribute({ name, before, after }: AttributeChange): string {
  const show = (value: Uint8Array | null): string =>
    value === null ? 'nothing' : `${showPath(fromBytes(value.subarray(0, mostOfValue)))}${value.length > mostOfValue ? '...' : ''}`;
  return `${showPath(name)}: ${show(before)} -> ${show(after)}`;
}

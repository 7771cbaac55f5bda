import type { BytePath, Change } from '../change.ts';
import { nameOf, parentOf } from '../paths.ts';
import { showPath } from '../show-path.ts';
import { describe, letterOf, type Letter, showSize } from '../words.ts';
import { foldAdditions, type Fold } from './fold.ts';

export interface TextOptions {
  readonly colour: boolean;
  /** Every addition has a line of its own. */
  readonly all: boolean;
  /** Says that --all shows the rest. */
  readonly saysAll: boolean;
}

const codes: Readonly<Record<Letter | 'grave' | 'directory', number>> = { A: 32, M: 33, D: 31, R: 36, T: 35, grave: 31, directory: 1 };

/**
 * Changes as a person reads them in a terminal: under the directory they are in, each with a letter (added, modified, deleted, renamed,
 * another type) and what changed in words. Many plain additions below one directory are one line with their number. Nothing in it is
 * dangerous to a terminal. `changes` have directories before what is in them.
 */
export function renderText(changes: readonly Change[], { colour, all, saysAll }: TextOptions): string {
  const paint = (code: keyof typeof codes, text: string): string => (colour ? `\u001b[${codes[code]}m${text}\u001b[0m` : text);
  const foldOf = all ? () => undefined : foldAdditions(changes);
  const folds = new Set<Fold>();
  const groups = new Map<BytePath, string[]>();
  const add = (directory: BytePath, letter: Letter, words: readonly string[]): void => {
    const line = `  ${paint(letter, letter)}  ${words.join('  ')}\n`;
    const group = groups.get(directory);
    if (group === undefined) groups.set(directory, [line]);
    else group.push(line);
  };
  for (const change of changes) {
    const fold = foldOf(change.path);
    if (fold === undefined) {
      const words = describe(change).map(({ text, isGrave }) => (isGrave ? paint('grave', text) : text));
      add(parentOf(change.path), letterOf(change), [showName(change), ...words]);
    } else if (!folds.has(fold)) {
      folds.add(fold);
      if (fold.isNew) add(parentOf(fold.directory), 'A', [`${showPath(nameOf(fold.directory))}/`, showSum(fold)]);
      else add(fold.directory, 'A', [`... ${showSum(fold)}`]);
    }
  }
  // As in a walk, so that a directory comes before those in it.
  const sortKey = (path: BytePath): string => (path === '' ? '' : `/${path}`).replaceAll('/', '\0');
  const sorted = [...groups].sort(([one], [other]) => (sortKey(one) < sortKey(other) ? -1 : 1));
  const texts = sorted.map(([directory, lines]) => `${paint('directory', showPath(`/${directory}`))}\n${lines.join('')}`);
  const counted = [...folds].reduce((sum, { members }) => sum + members.length, 0);
  return [...texts, ...(counted === 0 ? [] : [`${counted} additions are counted above${saysAll ? '; --all lists them' : ''}.\n`])].join(
    '\n',
  );
}

function showName({ path, before, after }: Change): string {
  const name = path === '.' ? '.' : showPath(nameOf(path));
  return (after ?? before)?.kind === 'directory' && path !== '.' ? `${name}/` : name;
}

function showSum({ directory, members }: Fold): string {
  const inside = members.filter(({ path }) => path !== directory);
  const count = (kind: string, one: string, more: string): readonly string[] => {
    const number = inside.filter(({ after }) => after?.kind === kind).length;
    return number === 0 ? [] : [`${number} ${number === 1 ? one : more}`];
  };
  const bytes = inside.reduce((sum, { after }) => sum + (after?.kind === 'file' ? after.sizeBytes : 0), 0);
  return [
    ...count('file', 'file', 'files'),
    ...count('directory', 'directory', 'directories'),
    ...count('link', 'link', 'links'),
    showSize(bytes),
  ].join(', ');
}

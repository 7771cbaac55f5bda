import fc from 'fast-check';
import { parse } from 'smol-toml';
import { expect, test } from 'vitest';
import { findPlace, locateKeys } from '../../src/config/locate.ts';

/** Part of a document: its lines, and the lines (from 0, within it) of the keys in it. */
interface Piece {
  readonly text: string;
  readonly keys: readonly { readonly path: readonly string[]; readonly line: number }[];
}

const lines = (text: string): number => text.split('\n').length - 1;

/** A key with a way to write it. The letters are those that mislead a reader of TOML. */
const bareKey = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', '1', '_', '-') });
const basicKey = fc.string({ maxLength: 4, unit: fc.constantFrom('a', '.', '#', '=', '[', ']', '"', '\\', ' ', "'", 'ß', '\n', '{', '}') });
const key = fc.oneof(
  bareKey.map((name) => ({ name, text: name })),
  basicKey.map((name) => ({ name, text: JSON.stringify(name) })),
  basicKey.filter((name) => !/['\n]/.test(name)).map((name) => ({ name, text: `'${name}'` })),
  bareKey.map((name) => ({
    name,
    text: `"${name.replaceAll(/./g, (letter) => `\\u${letter.codePointAt(0)!.toString(16).padStart(4, '0')}`)}"`,
  })),
);

const keyText = fc.array(key, { minLength: 1, maxLength: 3 });
const space = fc.constantFrom('', ' ', '\t ');
const comment = fc.constantFrom('', ' # a = 1', ' # "x', " # [[b]] '''");
const gap = fc.array(
  comment.map((text) => `${text}\n`),
  { maxLength: 3 },
);

const scalar = fc.constantFrom(
  '1',
  '-1.5e3',
  'true',
  '1979-05-27 07:32:00',
  '"a # b"',
  String.raw`"\" = ["`,
  "'\\'",
  "''",
  '"""\nx = 1\n"""',
  String.raw`"""a\"""b = "" c"""""`,
  "'''\n[y]\n\"'''",
  "'''z''''",
);

/** A value written below `path`, its text, and the keys and elements in it. */
const value = fc.letrec<{ any: (path: readonly string[]) => Piece }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 2 },
    scalar.map((text) => () => ({ text, keys: [] })),
    fc.array(fc.tuple(gap, tie('any')), { maxLength: 3 }).map((elements) => (path: readonly string[]) => writeList(elements, path)),
    fc
      .uniqueArray(fc.tuple(key, tie('any')), { maxLength: 3, selector: ([{ name }]) => name })
      .map((pairs) => (path: readonly string[]) => writeInline(pairs, path)),
  ),
})).any;

function writeList(
  elements: readonly (readonly [readonly string[], (path: readonly string[]) => Piece])[],
  path: readonly string[],
): Piece {
  let text = '[';
  const keys: { path: readonly string[]; line: number }[] = [];
  for (const [index, [blank, write]] of elements.entries()) {
    text += blank.join('');
    const own = [...path, String(index)];
    const piece = write(own);
    keys.push({ path: own, line: lines(text) }, ...moved(piece, lines(text)));
    text += `${piece.text} ,`;
  }
  return { text: `${text}]`, keys };
}

function writeInline(
  pairs: readonly (readonly [{ name: string; text: string }, (path: readonly string[]) => Piece])[],
  path: readonly string[],
): Piece {
  let text = '{ ';
  const keys: { path: readonly string[]; line: number }[] = [];
  for (const [index, [{ name, text: written }, write]] of pairs.entries()) {
    const own = [...path, name];
    text += `${index === 0 ? '' : ', '}${written} = `;
    const piece = write(own);
    keys.push({ path: own, line: lines(text) }, ...moved(piece, lines(text)));
    text += piece.text;
  }
  return { text: `${text} }`, keys };
}

const moved = ({ keys }: Piece, by: number) => keys.map(({ path, line }) => ({ path, line: line + by }));

type Part = {
  readonly gap: readonly string[];
  readonly keys: readonly { name: string; text: string }[];
  readonly space: string;
  readonly comment: string;
};
const header = fc.record({ gap, keys: keyText, space, comment });
const pair = fc.record({ gap, keys: keyText, space, comment, write: value });

/** A document of tables whose headers and pairs have keys of their own, so that it is valid, with the line of each key. */
const document = fc.array(fc.tuple(header, fc.array(pair, { maxLength: 3 })), { maxLength: 4 }).map((tables) => {
  let text = '';
  let number = 0;
  const found: { path: readonly string[]; line: number }[] = [];
  const open = (part: Part, table: readonly string[], before: string, after: string): readonly string[] => {
    text += part.gap.join('');
    // The first part is unique, so that no key is defined twice.
    const keys = [{ name: `k${number}`, text: `k${number}` }, ...part.keys];
    number += 1;
    for (const length of keys.keys())
      found.push({ path: [...table, ...keys.slice(0, length + 1).map(({ name }) => name)], line: lines(text) + 1 });
    text += `${part.space}${before}${keys.map((each) => each.text).join(`${part.space}.${part.space}`)}${after}`;
    return [...table, ...keys.map(({ name }) => name)];
  };
  for (const [head, pairs] of tables) {
    const table = open(head, [], `[${head.space}`, `${head.space}]${head.comment}\n`);
    for (const each of pairs) {
      const path = open(each, table, '', `${each.space}=${each.space}`);
      const piece = each.write(path);
      found.push(...moved(piece, lines(text) + 1));
      text += `${piece.text}${each.comment}\n`;
    }
  }
  return { text, found };
});

test('every key and element of a document is found at its line, in the order of the text', () => {
  fc.assert(
    fc.property(document, ({ text, found }) => {
      // What the generator makes is TOML, or the test would prove nothing.
      parse(text);
      expect(locateKeys(text)).toEqual(found);
      for (const place of found) expect(findPlace(locateKeys(text), [...place.path, 'no such key'])).toEqual(place);
    }),
    { numRuns: 500 },
  );
});

test('lines that end with a carriage return too are counted once', () => {
  expect(locateKeys('a = 1\r\n\r\n[b]\r\nc = """\r\n"""\r\nd = 1\r\n')).toEqual([
    { path: ['a'], line: 1 },
    { path: ['b'], line: 3 },
    { path: ['b', 'c'], line: 4 },
    { path: ['b', 'd'], line: 6 },
  ]);
});

test('a table that several lines speak of is at the first', () => {
  const places = locateKeys('a.b.c = 1\n[a.d]\nx = 1\n[[a.e]]\ny = 1\n');
  expect(findPlace(places, ['a'])).toEqual({ path: ['a'], line: 1 });
  expect(findPlace(places, ['a', 'd', 'x'])).toEqual({ path: ['a', 'd', 'x'], line: 3 });
  expect(findPlace(places, ['a', 'e', 'y'])).toEqual({ path: ['a', 'e', 'y'], line: 5 });
  expect(findPlace(places, ['z'])).toBeNull();
});

test('any text is read to its end, with lines that it has', () => {
  const mess = fc.string({
    unit: fc.constantFrom('a', '=', '[', ']', '{', '}', '"', "'", '\\', '\n', ',', '.', '#', ' ', '\0'),
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.oneof(mess, fc.string({ unit: 'binary' })), (text) => {
      for (const { line } of locateKeys(text)) expect(line >= 1 && line <= lines(text) + 1).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('as much of anything as a file may have is read in moderate time', () => {
  for (const unit of ['a=1\n', '[', '{a=', '"""', '"\\', "a='''x", '"""\\"']) {
    for (const start of ['', 'a=']) locateKeys(start + unit.repeat(Math.floor((256 * 1024) / unit.length)));
  }
});

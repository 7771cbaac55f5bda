/** Where a key, a table's header or an element of an array begins. */
export interface Place {
  readonly path: readonly string[];
  /** From 1. */
  readonly line: number;
}

/**
 * Every key of a TOML text with its line, in the order of the text; elements of an array have their index as key. A key on several lines
 * (headers of a table, first parts of dotted keys) is located at the first. For text that is not TOML it returns what it could read; a
 * library refuses such text. Source: toml.io, v1.0.0 and the multi-line inline tables of v1.1.0.
 */
export function locateKeys(text: string): readonly Place[] {
  const cursor: Cursor = { text, at: 0, line: 1, places: [], seen: new Set() };
  let table: readonly string[] = [];
  while (cursor.at < text.length) {
    skipBlank(cursor);
    if (cursor.text[cursor.at] === '[') {
      table = readHeader(cursor);
    } else if (cursor.at < text.length) {
      readPair(cursor, table);
    }
    skipLine(cursor);
  }
  return cursor.places;
}

/** The place of the longest part of `path` that is in the text; null: none is. */
export function findPlace(places: readonly Place[], path: readonly string[]): Place | null {
  for (let length = path.length; length > 0; length -= 1) {
    const wanted = nameOf(path.slice(0, length));
    const place = places.find((candidate) => nameOf(candidate.path) === wanted);
    if (place !== undefined) return place;
  }
  return null;
}

interface Cursor {
  readonly text: string;
  at: number;
  line: number;
  readonly places: Place[];
  readonly seen: Set<string>;
}

/** Deeper keys and values are not read: valid settings have none, and hostile ones would exhaust the stack or memory. */
const mostDepth = 100;

function nameOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

function note(cursor: Cursor, path: readonly string[], line: number): void {
  const name = nameOf(path);
  if (cursor.seen.has(name)) return;
  cursor.seen.add(name);
  cursor.places.push({ path, line });
}

/** `[a.b]` or `[[a.b]]`; the elements of the latter are not told apart. */
function readHeader(cursor: Cursor): readonly string[] {
  while (cursor.text[cursor.at] === '[') cursor.at += 1;
  return readKey(cursor, []);
}

/** `a.b = value`. */
function readPair(cursor: Cursor, table: readonly string[]): void {
  const path = readKey(cursor, table);
  if (cursor.text[cursor.at] !== '=') return;
  cursor.at += 1;
  readValue(cursor, path);
}

/** A key of one or more parts, recorded with all its prefixes. */
function readKey(cursor: Cursor, table: readonly string[]): readonly string[] {
  const path = [...table];
  for (;;) {
    skipSpace(cursor);
    const { line } = cursor;
    const part = readPart(cursor);
    if (part === null) return path;
    path.push(part);
    if (path.length <= mostDepth) note(cursor, [...path], line);
    skipSpace(cursor);
    if (cursor.text[cursor.at] !== '.') return path;
    cursor.at += 1;
  }
}

function readPart(cursor: Cursor): string | null {
  const quoted = readString(cursor);
  if (quoted !== null) return quoted;
  const [bare = ''] = match(cursor, /[A-Za-z0-9_-]*/y);
  return bare === '' ? null : bare;
}

function readValue(cursor: Cursor, path: readonly string[]): void {
  if (path.length > mostDepth) return;
  skipSpace(cursor);
  const first = cursor.text[cursor.at];
  if (first === '[') {
    readElements(cursor, ']', (index) => {
      const element = [...path, String(index)];
      note(cursor, element, cursor.line);
      readValue(cursor, element);
    });
  } else if (first === '{') {
    readElements(cursor, '}', () => readPair(cursor, path));
  } else if (readString(cursor) === null) {
    match(cursor, /[^,\]}\n#]*/y);
  }
}

function readElements(cursor: Cursor, end: string, readOne: (index: number) => void): void {
  cursor.at += 1;
  for (let index = 0; ; index += 1) {
    skipBlank(cursor);
    if (cursor.at >= cursor.text.length || cursor.text[cursor.at] === end) break;
    const before = cursor.at;
    readOne(index);
    skipBlank(cursor);
    if (cursor.text[cursor.at] === ',') cursor.at += 1;
    // Not TOML; without this step the loop would never end.
    else if (cursor.at === before) break;
  }
  if (cursor.text[cursor.at] === end) cursor.at += 1;
}

/** Any of the four kinds of string; null: none is here. Only the contents of one-line strings are used, as keys. */
function readString(cursor: Cursor): string | null {
  const long = match(cursor, /"""(?:\\[^]|[^\\])*?"{3,5}|'''[^]*?'{3,5}/y)[0];
  if (long !== undefined) {
    cursor.line += long.split('\n').length - 1;
    return long;
  }
  const literal = match(cursor, /'([^'\n]*)'/y)[1];
  if (literal !== undefined) return literal;
  const basic = match(cursor, /"((?:\\.|[^"\\\n])*)"/y)[1];
  return basic === undefined ? null : unescape(basic);
}

const named: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\u001b' };

function unescape(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g, (_, two, four, eight, one) => {
    const code: unknown = two ?? four ?? eight;
    if (typeof code !== 'string') return named[String(one)] ?? String(one);
    return Number.parseInt(code, 16) <= 0x10_ffff ? String.fromCodePoint(Number.parseInt(code, 16)) : '';
  });
}

function match(cursor: Cursor, pattern: RegExp): readonly (string | undefined)[] {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text);
  if (found === null) return [];
  cursor.at += found[0].length;
  return found;
}

function skipSpace(cursor: Cursor): void {
  match(cursor, /[ \t]*/y);
}

/** White space, ends of lines and comments. */
function skipBlank(cursor: Cursor): void {
  const [skipped = ''] = match(cursor, /(?:[ \t\r\n]|#[^\n]*)*/y);
  cursor.line += skipped.split('\n').length - 1;
}

function skipLine(cursor: Cursor): void {
  match(cursor, /[^\n]*/y);
}

import { closeSync, readFileSync } from 'node:fs';

import type { OwnClient } from '../process/own-client.ts';

/** A command line as it was typed, and the caller's variables. */
export interface Caller {
  /** The command line without the program's name. */
  readonly words: readonly string[];
  /** The index of the first word that is not UTF-8, in which Node has put U+FFFD; -1: none. */
  readonly notText: number;
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  /** The open descriptors above the standard streams that the caller passed on; null: unknown. */
  readonly descriptors: ReadonlySet<number> | null;
  /** Whose run this process only decides; null: nobody's. */
  readonly client: OwnClient | null;
}

/** The variables that client/node.c starts Node with for this program: numbers of descriptors. */
const variable = 'ISOLATE_CALLER';
const clientVariable = 'ISOLATE_CLIENT';
const shelfVariable = 'ISOLATE_SHELF';

/**
 * Reads and closes the memory file of client/node.c: the descriptors, the number of words, the words, the variables, each followed by a
 * NUL. Without such a file, as when the sources are run, it returns what Node itself was given.
 */
export function readCaller(): Caller {
  const descriptor = process.env[variable];
  if (descriptor === undefined) return readOwn();
  const strings = readStrings(Number(descriptor));
  closeSync(Number(descriptor));
  delete process.env[variable];
  const descriptors = new Set(strings[0]?.match(/\d+/g)?.map(Number));
  const end = 2 + Number(strings[1]);
  return { ...toWords(strings.slice(2, end)), environment: toEnvironment(strings.slice(end, -1)), descriptors, client: takeClient() };
}

function takeClient(): OwnClient | null {
  const [descriptor, shelf] = [takeNumber(clientVariable), takeNumber(shelfVariable)];
  return descriptor === null ? null : { descriptor, pid: process.ppid, shelf };
}

function takeNumber(name: string): number | null {
  const value = process.env[name];
  delete process.env[name];
  return value === undefined ? null : Number(value);
}

function readOwn(): Caller {
  const words = process.argv.slice(2);
  const notText = words.some((word) => word.includes('\ufffd'))
    ? toWords(readStrings('/proc/self/cmdline').slice(0, -1).slice(-words.length)).notText
    : -1;
  return { words, notText, environment: process.env, descriptors: null, client: takeClient() };
}

/** The strings of a file, one character per byte. */
function readStrings(file: number | string): readonly string[] {
  return readFileSync(file, 'latin1').split('\0');
}

function toWords(strings: readonly string[]): Pick<Caller, 'words' | 'notText'> {
  const words = strings.map(decode);
  return { words, notText: words.findIndex((word, index) => Buffer.from(word).toString('latin1') !== strings[index]) };
}

/** As for getenv(3) and Node, the first variable of a name counts, and strings without a name or "=" do not. */
function toEnvironment(strings: readonly string[]): NodeJS.ProcessEnv {
  const values = new Map<string, string>();
  for (const text of strings) {
    const end = text.indexOf('=');
    const name = decode(text.slice(0, Math.max(0, end)));
    if (name !== '' && !values.has(name)) values.set(name, decode(text.slice(end + 1)));
  }
  return Object.fromEntries(values);
}

function decode(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

import { IsolateError } from '../error.ts';
import { parseVariables } from './parse-environment.ts';
import { parseUser } from './parse-name.ts';
import { parseSandboxPath } from './parse-path.ts';

/** What a run on a template gets unless it is given its own. */
export interface TemplateDefaults {
  /** The words before `command`; a given command replaces both. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Absolute, in the sandbox. */
  readonly workingDirectory?: string;
  /** `NAME|UID[:GROUP|GID]`, as for `--user`. */
  readonly user?: string;
}

/** What is written about a template when it is made. */
export interface TemplateRecord {
  readonly version: 1;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** What it was made from, as it was given. */
  readonly source?: string;
  /** Of what it was made from: `sha256:` and hex digits. */
  readonly digest?: string;
  /** Names of what its source says about runs and isolate makes no use of. */
  readonly unused?: readonly string[];
  readonly defaults: TemplateDefaults;
}

/** Where the record is in the template's own tree, so that clones, snapshots and copies have it too. */
export const templateRecordPath = '/.isolate/template.json';

/** The longest record, in bytes. */
export const longestTemplateRecord = 65_536;

/** The inverse of `parseTemplateRecord`. Throws `bad-template` for a record that it would refuse. */
export function printTemplateRecord(record: TemplateRecord): string {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  parseTemplateRecord(text, 'the new template');
  return text;
}

/**
 * The record in a text, which may be anything: the template's own programs can write it. `name` is the template's in errors. Fields that
 * this version does not know are left out. Throws `bad-template`.
 */
export function parseTemplateRecord(text: string, name: string): TemplateRecord {
  const where = `${templateRecordPath} in ${name}`;
  if (Buffer.byteLength(text) > longestTemplateRecord) throw bad(`${where} is longer than ${longestTemplateRecord} bytes.`);
  const { version, createdMs, source, digest, unused, defaults } = fields(parseJson(text, where), `${where} is not an object.`);
  if (version !== 1) {
    throw bad(`${where} has ${typeof version === 'number' ? `the version ${version},` : 'a version'} which this isolate does not know.`);
  }
  if (typeof createdMs !== 'number' || !Number.isSafeInteger(createdMs) || createdMs < 0) {
    throw bad(`"createdMs" in ${where} is not a time in milliseconds.`);
  }
  return {
    version,
    createdMs,
    ...optional('source', source, (value) => line(value, `"source" in ${where}`)),
    ...optional('digest', digest, (value) => line(value, `"digest" in ${where}`)),
    ...optional('unused', unused, (value) =>
      words(value, `"unused" in ${where}`).map((word) => line(word, `A word of "unused" in ${where}`)),
    ),
    defaults: parseDefaults(fields(defaults ?? {}, `"defaults" in ${where} is not an object.`), where),
  };
}

function parseDefaults(given: Fields, where: string): TemplateDefaults {
  const { entrypoint, command, environment, workingDirectory, user } = given;
  const named = (field: string): string => `"${field}" in ${where}`;
  return {
    ...optional('entrypoint', entrypoint, (value) => words(value, named('entrypoint'))),
    ...optional('command', command, (value) => words(value, named('command'))),
    ...optional('environment', environment, (value) => variables(value, named('environment'))),
    ...optional('workingDirectory', workingDirectory, (value) =>
      checked(named('workingDirectory'), () => parseSandboxPath('bad-template', 'It', text(value, named('workingDirectory')))),
    ),
    ...optional('user', user, (value) => checked(named('user'), () => parseUser('A user', text(value, named('user'))))),
  };
}

/** Entrypoint and command as one command line; null: the template has none. Throws `bad-template`. */
export function defaultCommand({ entrypoint = [], command = [] }: TemplateDefaults, name: string): readonly [string, ...string[]] | null {
  const [file, ...args] = [...entrypoint, ...command];
  if (file === undefined) return null;
  if (file === '') throw bad(`The default command in ${templateRecordPath} in ${name} is an empty string.`);
  return [file, ...args];
}

/** Characters of an error about a field. */
const mostQuoted = 300;

type Fields = Readonly<Record<string, unknown>>;

function parseJson(json: string, where: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw bad(`${where} is not JSON.`);
  }
}

function fields(value: unknown, message: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(message);
  return value as Fields;
}

function optional<Key extends string, Value>(key: Key, value: unknown, parse: (value: unknown) => Value): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: parse(value) } as { [K in Key]?: Value });
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.includes('\0')) throw bad(`${what} is not a string without NUL characters.`);
  return value;
}

function line(value: unknown, what: string): string {
  const one = text(value, what);
  if (/\p{Cc}/u.test(one)) throw bad(`${what} contains a control character.`);
  return one;
}

function words(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value)) throw bad(`${what} is not a list of strings.`);
  return value.map((word: unknown) => text(word, `A word of ${what}`));
}

function variables(value: unknown, what: string): Readonly<Record<string, string>> {
  const given = Object.entries(fields(value, `${what} is not an object.`)).map(([name, one]) => [name, text(one, `A value of ${what}`)]);
  return checked(what, () => parseVariables(Object.fromEntries(given) as Record<string, string>, {}));
}

/** What the parsers of options refuse is no mistake of the user's here. */
function checked<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new IsolateError('bad-template', `${what} cannot be used.`, { cause: cause instanceof Error ? shorten(cause) : cause });
  }
}

/** It quotes what a template has, which may be long. */
function shorten(error: Error): Error {
  return error.message.length > mostQuoted ? new Error(`${error.message.slice(0, mostQuoted)}...`) : error;
}

function bad(message: string): IsolateError {
  return new IsolateError('bad-template', message);
}

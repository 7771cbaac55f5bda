import { IsolateError } from '../error.ts';
import { parseHostPath } from './parse-path.ts';
import type { Caller, RunRequest } from './request.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The variables of every command, before options set any: from the caller only TERM, and that only if it is a plain terminal name.
 */
export function defaultEnvironment(caller: Variables): Record<string, string> {
  const terminal = caller['TERM'];
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    ...(terminal !== undefined && /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/.test(terminal) ? { TERM: terminal } : {}),
  };
}

/**
 * One variable from `NAME=VALUE`, `NAME:VALUE` (the first of both characters ends the name) or `NAME`, which takes the caller's value;
 * null: the caller has none. Throws `bad-environment`.
 */
export function parseVariable(text: string, caller: Variables): readonly [name: string, value: string] | null {
  const end = text.search(/[=:]/);
  const name = end < 0 ? text : text.slice(0, end);
  checkName(name, text);
  const value = end >= 0 ? text.slice(end + 1) : Object.hasOwn(caller, name) ? caller[name] : undefined;
  if (value === undefined) return null;
  checkValue(name, value);
  return [name, value];
}

/** The variables of a request: texts for `parseVariable`, or a record, which is checked in the same way. Throws `bad-environment`. */
export function parseVariables(given: NonNullable<RunRequest['environment']>, caller: Variables): Record<string, string> {
  if (isList(given)) return Object.fromEntries(given.map((text) => parseVariable(text, caller)).filter((variable) => variable !== null));
  for (const [name, value] of Object.entries(given)) {
    checkName(name, name);
    checkValue(name, value);
  }
  return given;
}

/** As `parseEnvironmentFile`, for a file that the caller reads. The caller may have no working directory. */
export function variablesOfFile(file: string, caller: Caller): readonly (readonly [name: string, value: string])[] {
  const path = parseHostPath('bad-environment', 'The environment file', file, caller.cwd);
  let text: string;
  try {
    text = caller.readFile(path);
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    throw new IsolateError('bad-environment', `The environment file ${JSON.stringify(path)} cannot be read.`, { cause });
  }
  return parseEnvironmentFile(text, path);
}

/**
 * The variables of a file, in order: one `NAME=VALUE` a line, the value taken as it stands up to the end of the line; empty lines
 * and lines that begin with `#` say nothing. `file` names it in errors. Throws `bad-environment`.
 */
export function parseEnvironmentFile(text: string, file: string): readonly (readonly [name: string, value: string])[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) {
      return [];
    }
    const end = line.indexOf('=');
    if (end < 0) {
      throw new IsolateError('bad-environment', `Line ${index + 1} of ${JSON.stringify(file)} is not NAME=VALUE.`);
    }
    const name = line.slice(0, end);
    const value = line.slice(end + 1);
    checkName(name, line);
    checkValue(name, value);
    return [[name, value] as const];
  });
}

function checkName(name: string, text: string): void {
  if (name.includes('/')) {
    throw new IsolateError('bad-environment', `${JSON.stringify(name)} is a path, not the name of a variable.`, {
      hint: '-d binds a path, -v sets a variable',
    });
  }
  if (name === '') {
    throw new IsolateError('bad-environment', `The variable ${JSON.stringify(text)} has no name.`, {
      hint: 'write NAME=VALUE',
    });
  }
  if (/[\s=\p{Cc}]/u.test(name)) {
    throw new IsolateError('bad-environment', `The variable name ${JSON.stringify(name)} contains a blank, a control character or "=".`);
  }
}

function checkValue(name: string, value: string): void {
  if (value.includes('\0')) {
    throw new IsolateError('bad-environment', `The value of the variable ${JSON.stringify(name)} contains a NUL character.`);
  }
  // Node's replacement for bytes that are not UTF-8; the command would get different bytes.
  if (value.includes('\ufffd')) {
    throw new IsolateError('bad-environment', `The value of the variable ${JSON.stringify(name)} is not valid UTF-8.`);
  }
}

function isList(value: readonly string[] | Readonly<Record<string, string>>): value is readonly string[] {
  return Array.isArray(value);
}

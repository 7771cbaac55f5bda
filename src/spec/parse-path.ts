import { resolve } from 'node:path/posix';

import { IsolateError, type ErrorCode } from '../error.ts';

/** Control characters, which no path, name or address may contain, because configuration files and terminals interpret them. */
const controlCharacter = /\p{Cc}/u;

/** Linux's PATH_MAX, less the terminating NUL. */
const maximumPathBytes = 4095;

/** A path of the host, made absolute against `cwd`, where there is one. `what` names it in the error, which has `code`. */
export function parseHostPath(code: ErrorCode, what: string, path: string, cwd: string | null): string {
  checkPath(code, what, path);
  if (cwd !== null || path.startsWith('/')) return resolve(cwd ?? '/', path);
  throw new IsolateError(code, `${what} ${JSON.stringify(path)} is relative to a working directory that no longer exists.`, {
    hint: 'give an absolute path, or change to a directory that exists',
  });
}

/** A path in the sandbox: absolute, without `..`; doubled and trailing slashes are dropped. */
export function parseSandboxPath(code: ErrorCode, what: string, path: string): string {
  checkPath(code, what, path);
  if (!path.startsWith('/')) {
    throw new IsolateError(code, `${what} ${JSON.stringify(path)} is not absolute.`);
  }
  if (path.split('/').includes('..')) {
    throw new IsolateError(code, `${what} ${JSON.stringify(path)} contains "..".`);
  }
  return resolve('/', path);
}

function checkPath(code: ErrorCode, what: string, path: string): void {
  if (path === '') {
    throw new IsolateError(code, `${what} is empty.`);
  }
  if (controlCharacter.test(path)) {
    throw new IsolateError(code, `${what} ${JSON.stringify(path)} contains a control character.`);
  }
  if (Buffer.byteLength(path) > maximumPathBytes) {
    throw new IsolateError(code, `${what} is longer than ${maximumPathBytes} bytes.`);
  }
}

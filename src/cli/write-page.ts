import { closeSync, openSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import type { Parts } from './change-forms.ts';
import { printParts } from './output.ts';

/**
 * Writes a page to a file, which has its old content until the new one is complete; `-` is standard output. Throws `output-failed`.
 */
export async function writePage(file: string, parts: Parts): Promise<void> {
  if (file === '-') return await printParts(parts);
  const target = targetOf(file);
  // Nothing takes the place of a device or a pipe.
  const path = target.isReplaced ? `${target.path}.${process.pid}.new` : target.path;
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, target.isReplaced ? 'wx' : 'w', 0o644);
    await printParts(parts, descriptor);
    closeSync(descriptor);
    descriptor = null;
    if (target.isReplaced) renameSync(path, target.path);
  } catch (cause) {
    if (descriptor !== null) closeSync(descriptor);
    if (target.isReplaced) rmSync(path, { force: true });
    if (cause instanceof IsolateError && cause.code !== 'output-failed') throw cause;
    throw new IsolateError('output-failed', `The page cannot be written to ${file}.`, {
      cause: cause instanceof IsolateError ? cause.cause : cause,
    });
  }
}

function targetOf(file: string): { readonly path: string; readonly isReplaced: boolean } {
  try {
    const path = realpathSync(file);
    return { path, isReplaced: statSync(path).isFile() };
  } catch {
    return { path: file, isReplaced: true };
  }
}

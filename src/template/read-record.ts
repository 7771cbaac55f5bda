import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IsolateError } from '../error.ts';
import { longestTemplateRecord, parseTemplateRecord, type TemplateRecord, templateRecordPath } from '../spec/template-record.ts';

/**
 * The record of the template whose tree is at `root`; null: it has none. The tree may be hostile: no link in it is followed, and nothing
 * but a small regular file is read. Throws `bad-template`.
 */
export function readTemplateRecord(root: string, name: string): TemplateRecord | null {
  const text = readBeneath(root, name);
  return text === null ? null : parseTemplateRecord(text, name);
}

/** The same, with what is wrong as the answer. */
export function tryRecord(root: string, name: string): TemplateRecord | IsolateError | null {
  try {
    return readTemplateRecord(root, name);
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}

function readBeneath(root: string, name: string): string | null {
  const path = join(root, templateRecordPath);
  if (lstatSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new IsolateError('bad-template', `${templateRecordPath} in ${name} cannot be read.`, { cause });
  }
  try {
    const stats = fstatSync(file);
    const isBeneath = readlinkSync(`/proc/self/fd/${file}`) === join(realpathSync(root), templateRecordPath);
    if (!stats.isFile() || !isBeneath || stats.size > longestTemplateRecord) {
      throw new IsolateError(
        'bad-template',
        `${templateRecordPath} in ${name} is not a regular file of at most ${longestTemplateRecord} bytes.`,
      );
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

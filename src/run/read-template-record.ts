import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';

import { IsolateError } from '../error.ts';
import { readStart } from '../host/read-small-file.ts';
import { lookBeneath } from '../host/resolve-beneath.ts';
import {
  longestTemplateRecord,
  parseTemplateRecord,
  type TemplateDefaults,
  type TemplateRecord,
  templateRecordPath,
} from '../spec/template-record.ts';

/** A tree on this host, and its name for the caller. */
interface Named {
  readonly path: string;
  readonly name: string;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
/** To ask what something is, without what opening a device or a pipe does (open(2)). Node has no name for it. */
const O_PATH = 0o10000000;
const [folder, file] = ['/.isolate', 'template.json'] as const;

/** What a run on a tree gets by default. Throws as `readTemplateRecord`. */
export function readDefaults(tree: Named): TemplateDefaults {
  return readTemplateRecord(tree)?.defaults ?? {};
}

/** The same for a tree whose storage may be slow: nobody else waits for it. */
export async function readDefaultsInTime(tree: Named): Promise<TemplateDefaults> {
  try {
    if (!(await lstat(`${tree.path}${folder}`)).isDirectory()) return {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
  }
  return readDefaults(tree);
}

/**
 * The record in a tree, which others may be changing: no link below `tree.path` is followed. Null: there is none. Throws `bad-template`,
 * `not-permitted`, `storage-failed`.
 */
export function readTemplateRecord(tree: Named): TemplateRecord | null {
  // What a descriptor is open for stays the same, whatever its name becomes.
  return withOpen(`${tree.path}${folder}`, O_PATH | O_DIRECTORY | O_NOFOLLOW, tree, (directory) =>
    withOpen(`/proc/self/fd/${directory}/${file}`, O_PATH | O_NOFOLLOW, tree, (found) => {
      if (!fstatSync(found).isFile()) throw new IsolateError('bad-template', `${templateRecordPath} in ${tree.name} is not a plain file.`);
      return withOpen(`/proc/self/fd/${found}`, O_RDONLY | O_NONBLOCK, tree, (record) =>
        parseTemplateRecord(readText(record, tree), tree.name),
      );
    }),
  );
}

/** Null: there is no such file or directory. */
function withOpen<T>(path: string, flags: number, tree: Named, use: (descriptor: number) => T | null): T | null {
  const descriptor = openIn(path, flags, tree);
  if (descriptor === null) return null;
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function openIn(path: string, flags: number, tree: Named): number | null {
  try {
    return openSync(path, flags);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return null;
    // That the tree itself cannot be entered has its own words.
    if (code === 'EACCES') lookBeneath(tree.path, folder, [], tree.name);
    if (code === 'EACCES' || code === 'EPERM') throw unreadable('not-permitted', tree);
    throw unreadable('storage-failed', tree, cause);
  }
}

function readText(record: number, tree: Named): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readStart(record, longestTemplateRecord + 1));
  } catch (cause) {
    if (cause instanceof TypeError) throw new IsolateError('bad-template', `${templateRecordPath} in ${tree.name} is not valid UTF-8.`);
    throw unreadable('storage-failed', tree, cause);
  }
}

function unreadable(code: 'not-permitted' | 'storage-failed', { name }: Named, cause?: unknown): IsolateError {
  const denied = code === 'not-permitted';
  const message = `${templateRecordPath} in ${name} cannot be read${denied ? ' by this user' : ''}.`;
  return new IsolateError(code, message, cause === undefined ? {} : { cause });
}

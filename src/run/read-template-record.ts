import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { IsolateError } from '../error.ts';
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

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
const [folder, file] = ['/.isolate', 'template.json'] as const;

/** What a run on a tree gets by default. Throws as `readTemplateRecord`. */
export async function readDefaults(tree: Named): Promise<TemplateDefaults> {
  return (await readTemplateRecord(tree))?.defaults ?? {};
}

/**
 * The record in a tree, which others may be changing: no link below `tree.path` is followed. Null: there is none. Throws `bad-template`,
 * `not-permitted`, `storage-failed`.
 */
export async function readTemplateRecord(tree: Named): Promise<TemplateRecord | null> {
  const directory = await openIn(`${tree.path}${folder}`, O_DIRECTORY, ['ENOENT', 'ENOTDIR', 'ELOOP'], tree);
  if (directory === null) return null;
  try {
    // What the descriptor is open for stays the same, whatever its name becomes.
    const record = await openIn(`/proc/self/fd/${directory.fd}/${file}`, O_NONBLOCK | O_NOCTTY, ['ENOENT'], tree);
    return record === null ? null : parseTemplateRecord(await readText(record, tree), tree.name);
  } finally {
    await directory.close();
  }
}

/** Null: it failed in one of these ways. */
async function openIn(path: string, flags: number, absences: readonly string[], tree: Named): Promise<FileHandle | null> {
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | flags);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (absences.includes(code)) return null;
    // That the tree itself cannot be entered has its own words.
    if (code === 'EACCES') lookBeneath(tree.path, folder, [], tree.name);
    if (code === 'EACCES' || code === 'EPERM') throw unreadable('not-permitted', tree);
    if (code === 'ELOOP' || code === 'ENXIO') throw noPlainFile(tree);
    throw unreadable('storage-failed', tree, cause);
  }
}

async function readText(record: FileHandle, tree: Named): Promise<string> {
  try {
    const stats = await record.stat();
    if (!stats.isFile()) throw noPlainFile(tree);
    const bytes = Buffer.alloc(longestTemplateRecord + 1);
    let length = 0;
    for (let count = 1; count > 0 && length < bytes.length; length += count) {
      ({ bytesRead: count } = await record.read(bytes, length, bytes.length - length));
    }
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length));
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    if (cause instanceof TypeError) throw new IsolateError('bad-template', `${templateRecordPath} in ${tree.name} is not valid UTF-8.`);
    throw unreadable('storage-failed', tree, cause);
  } finally {
    await record.close();
  }
}

function noPlainFile({ name }: Named): IsolateError {
  return new IsolateError('bad-template', `${templateRecordPath} in ${name} is not a plain file.`);
}

function unreadable(code: 'not-permitted' | 'storage-failed', { name }: Named, cause?: unknown): IsolateError {
  const denied = code === 'not-permitted';
  const message = `${templateRecordPath} in ${name} cannot be read${denied ? ' by this user' : ''}.`;
  return new IsolateError(code, message, cause === undefined ? {} : { cause });
}

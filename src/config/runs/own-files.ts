import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';

import type { SettingsAnswers } from './load.ts';

/** Answers questions about settings with the rights of this process. */
export function lookAtOwnFiles(environment: SettingsAnswers['environment']): SettingsAnswers {
  return { environment, probePath, readFile };
}

function probePath(path: string): ReturnType<SettingsAnswers['probePath']> {
  try {
    const stats = statSync(path);
    return { kind: stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'device', uid: stats.uid, mode: stats.mode & 0o7777 };
  } catch {
    return null;
  }
}

/** Larger files are refused anyway. */
const mostBytes = 2 ** 20;

function readFile(path: string): string {
  // Without waiting for a named pipe.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > mostBytes) throw new Error('It is not a small regular file.');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

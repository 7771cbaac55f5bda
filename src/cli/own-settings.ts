import { statSync } from 'node:fs';

import type { SettingsAnswers } from '../config/runs/load.ts';
import { readSmallFile } from '../host/read-small-file.ts';

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
  return readSmallFile(path, mostBytes).toString();
}

import { IsolateError } from '../error.ts';
import { type ClonedDirectory, findClonedDirectories, readKeptTexts } from '../storage/noted.ts';
import { parseSession, type SessionRecord } from './record.ts';

/** A directory with what its kept clones say of their sessions. Only its driver knows whether it is true (`mendIndex`). */
export interface KeptOnDirectory {
  readonly root: ClonedDirectory;
  readonly sessions: readonly SessionRecord[];
}

/**
 * The directories that have kept clones, as a state directory says, whatever names are lost. Those whose clones cannot be looked for are
 * told to `warn`.
 */
export function findKept(stateDirectory: string, warn: (message: string) => void): readonly KeptOnDirectory[] {
  return findClonedDirectories(stateDirectory).flatMap((root) => {
    const texts = readTexts(root, stateDirectory, warn);
    const sessions = [...texts].flatMap(([id, text]) => {
      const record = parseSession(text);
      return record?.clone.id === id ? [record] : [];
    });
    return sessions.length === 0 ? [] : [{ root, sessions }];
  });
}

function readTexts(root: ClonedDirectory, stateDirectory: string, warn: (message: string) => void): ReadonlyMap<string, string> {
  try {
    return readKeptTexts(root, stateDirectory);
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    warn(error.message);
    return new Map();
  }
}

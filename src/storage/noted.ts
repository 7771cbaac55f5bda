import { join } from 'node:path';

import { type DirectoryStorage, directoryStorages, type RootRef } from '../spec/root-ref.ts';
import { homeLayout } from './clones/home.ts';
import { directoryKey, parseCloneDirectory } from './clones/layout.ts';
import { namesIn, readNote } from './clones/note.ts';
import { readSession } from './clones/session.ts';
import { overlayLayout } from './overlay/layout.ts';

/** A directory that is cloned, and by what. */
export type ClonedDirectory = Extract<RootRef, { readonly kind: 'directory' }> & { readonly write: 'clone' };

/** The directories that there are or were clones of, as a state directory says. Whatever else lies there is left out. */
export function findClonedDirectories(stateDirectory: string): readonly ClonedDirectory[] {
  return directoryStorages.flatMap((storage) =>
    namesIn(join(stateDirectory, storage)).flatMap((key) => {
      const path = readNote(join(stateDirectory, storage, key));
      return path !== null && directoryKey(path) === key ? [clonedDirectory(path, storage)] : [];
    }),
  );
}

function clonedDirectory(path: string, storage: DirectoryStorage): ClonedDirectory {
  return { kind: 'directory', path, write: 'clone', ...(storage === 'overlay' ? {} : { storage }) };
}

/** The texts of the kept clones of a directory, by their ids, without asking its driver. Throws `cannot-enforce`. */
export function readKeptTexts({ path, storage = 'overlay' }: ClonedDirectory, stateDirectory: string): ReadonlyMap<string, string> {
  const layout = storage === 'overlay' ? overlayLayout(stateDirectory, path) : homeLayout(storage, path, stateDirectory);
  return new Map(
    namesIn(layout.directory).flatMap((name) => {
      const isLive = parseCloneDirectory(name)?.stage === 'live';
      const text = isLive ? readSession(join(layout.directory, name)) : null;
      return text === null ? [] : [[name, text] as const];
    }),
  );
}

import { existsSync, type FSWatcher, readdirSync, realpathSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { IsolateError } from '../error.ts';
import { configPath, dropInDirectory } from './config.ts';
import type { ConfigPlaces } from './read-files.ts';

/** Events of one change are combined. */
const debounceMs = 100;

/**
 * Calls `onEvent` shortly after anything happens in the directories of the files, to targets of links, or where missing directories would
 * be made. Most events mean nothing, so the caller has to check. Calls `onFailure` once if not everything can be watched. Returns a
 * function that stops it. (inotify(7))
 *
 * chokidar would not do: it misses a file in a directory that was made after it began to watch, and a directory that replaces a watched
 * one.
 */
export function watchConfigFiles(places: ConfigPlaces, onEvent: () => Promise<void>, onFailure: (error: IsolateError) => void): () => void {
  let watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let failed = false;

  const fail = (path: string, cause: unknown): void => {
    if (failed) return;
    failed = true;
    onFailure(
      new IsolateError('bad-config', `Changes to the settings will not be noticed: ${path} cannot be watched.`, {
        hint: 'raise fs.inotify.max_user_watches, or send SIGHUP after each change',
        cause,
      }),
    );
  };
  const disarm = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  /** Watches are renewed after each event, because they follow inodes and a directory may have been replaced. */
  const arm = (): void => {
    disarm();
    for (const directory of findDirectories(places)) {
      try {
        const watcher = watch(directory, { persistent: false }, ring);
        watcher.on('error', (error) => fail(directory, error));
        watchers.push(watcher);
      } catch (error) {
        // Gone since it was found.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') ring();
        else fail(directory, error);
      }
    }
  };
  const ring = (): void => {
    timer ??= setTimeout(() => {
      timer = null;
      if (closed) return;
      // Watch first, then check, so that no change in between is missed.
      arm();
      void onEvent();
    }, debounceMs);
  };
  arm();
  return () => {
    closed = true;
    if (timer !== null) clearTimeout(timer);
    disarm();
  };
}

/** Directories in which something that matters can happen. If one goes away, the watch on its parent notices. */
function findDirectories({ path = configPath, directory = dropInDirectory }: ConfigPlaces): readonly string[] {
  const dropIns = existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
  const wanted = [dirname(path), directory].map(findExisting);
  const targets = [path, ...dropIns].filter((file) => existsSync(file)).map((file) => dirname(realpathSync(file)));
  return [...new Set([...wanted, ...targets])];
}

/** The nearest directory above that is there. */
function findExisting(directory: string): string {
  return existsSync(directory) ? directory : findExisting(dirname(directory));
}

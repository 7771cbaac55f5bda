import { type FSWatcher, watch } from 'node:fs';

/** In case events of the directory are lost, it is read again after this time. */
const pollMs = 50;

/**
 * Returns when the directory changes, `signal` aborts, or after `waitMs` or a short poll interval, whichever is first. Loading
 * chokidar takes longer than most of these waits.
 */
export function waitForChange(directory: string, waitMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watcher = tryWatch(directory);
    const timer = setTimeout(finish, Math.min(waitMs, pollMs));
    watcher?.on('change', finish);
    watcher?.on('error', finish);
    signal?.addEventListener('abort', finish, { once: true });

    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      watcher?.close();
      resolve();
    }
  });
}

/** null: the user's limits of inotify(7) are reached, and polling has to do. */
function tryWatch(directory: string): FSWatcher | null {
  try {
    return watch(directory);
  } catch (error) {
    if (['EMFILE', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

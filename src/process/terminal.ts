import { closeSync } from 'node:fs';

/**
 * Keeps the end of this process from touching the terminal. On exit Node restores the modes that the terminal had when Node started, even
 * from the background, which breaks the pager or editor that now uses it. Node skips closed descriptors, so this closes them; nothing can
 * be read or written afterwards.
 */
export function letGoOfTerminal(): void {
  for (const descriptor of [0, 1, 2]) {
    try {
      closeSync(descriptor);
    } catch {
      // The caller had closed it.
    }
  }
}

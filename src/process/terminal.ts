import { closeSync } from 'node:fs';

/**
 * Keeps the end of this process from touching the terminal: on exit Node gives it the modes it had at Node's own start, from
 * the background too, and so breaks the pager or editor that has it by now. It passes over descriptors that are closed.
 * Nothing can be read or written afterwards.
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

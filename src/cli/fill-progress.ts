import { isatty } from 'node:tty';

import { escapeControls } from './escape.ts';
import { write } from './output.ts';

/** What is done with the bytes. */
type Carrying = 'read' | 'sent' | 'received';

export interface FillProgress {
  /** A step has begun, a phrase. */
  readonly step: (step: string) => void;
  /** How much of the source has been read. */
  readonly show: (read: { readonly bytes: number; readonly total?: number | null }) => void;
  /** Removes what is still shown. */
  readonly end: () => void;
}

/** The progress of a template that is being filled, on standard error: one changing line on a terminal, else a line for each step. */
export function openFillProgress(quiet: boolean, verb: Carrying = 'read'): FillProgress {
  if (quiet) return { step: () => {}, show: () => {}, end: () => {} };
  if (!isatty(2)) return { step: (step) => void write(2, `isolate: ${escapeControls(step)}\n`), show: () => {}, end: () => {} };
  const line = (text: string): void => void write(2, `\r\u001b[K${text}`);
  return { step: (step) => line(escapeControls(step)), show: (read) => line(formatRead(read, verb)), end: () => line('') };
}

/** `read 120 of 300 MB (40 %)`, or `read 120 MB` if the size is unknown. */
export function formatRead(
  { bytes, total = null }: { readonly bytes: number; readonly total?: number | null },
  verb: Carrying = 'read',
): string {
  if (total === null || total === 0) return `${verb} ${megabytes(bytes)} MB`;
  const percent = Math.min(100, Math.floor((100 * bytes) / total));
  return `${verb} ${megabytes(bytes)} of ${megabytes(total)} MB (${percent} %)`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

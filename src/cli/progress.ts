import { isatty } from 'node:tty';

import { escapeControls } from './escape.ts';
import { write } from './output.ts';

/** The current step and how far it is. */
export interface Progress {
  readonly step: 'destroy' | 'create';
  readonly done: number;
  readonly total: number;
}

export interface ProgressPrinter {
  readonly show: (progress: Progress) => void;
  /** A line about what is being waited for. */
  readonly tell: (message: string) => void;
  /** Removes the bar. */
  readonly end: () => void;
}

const barWidth = 30;
const plainIntervalMs = 1000;

/** Progress on standard error: a bar on a terminal, else at most a line per second and one at the end of each step. */
export function openProgress(quiet: boolean): ProgressPrinter {
  if (quiet) {
    return { show: () => {}, tell: () => {}, end: () => {} };
  }
  return isatty(2) ? openBar() : openLines();
}

/** `making   [########......] 12/20` */
export function formatBar({ step, done, total }: Progress): string {
  const filled = total === 0 ? barWidth : Math.floor((barWidth * done) / total);
  return `${step === 'destroy' ? 'destroying' : 'making'.padEnd(10)} [${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${done}/${total}`;
}

function openBar(): ProgressPrinter {
  return {
    show: (progress) => {
      write(2, `\r\u001b[K${formatBar(progress)}`);
    },
    tell: (message) => {
      write(2, `\r\u001b[Kisolate: ${escapeControls(message)}\n`);
    },
    end: () => {
      write(2, '\r\u001b[K');
    },
  };
}

function openLines(): ProgressPrinter {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    show: ({ step, done, total }) => {
      const nowMs = performance.now();
      if (done === 0) return;
      if (done === total || nowMs - lastMs >= plainIntervalMs) {
        lastMs = nowMs;
        write(2, `${step === 'destroy' ? 'destroyed' : 'made'} ${done} of ${total}\n`);
      }
    },
    tell: (message) => {
      write(2, `isolate: ${escapeControls(message)}\n`);
    },
    end: () => {},
  };
}

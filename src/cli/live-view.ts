import { isatty, type WriteStream } from 'node:tty';

import { write } from './output.ts';
import { cutLine } from './table.ts';

/** A terminal that a view has to itself: the alternate screen, without cursor and echo. */
export interface LiveView {
  /** Shows these lines, cut to the window as it is now. */
  readonly draw: (lines: readonly string[]) => void;
  /** Gives the terminal back as it was. */
  readonly end: () => void;
}

export interface LiveViewOptions {
  /** The size changed, or we have the terminal back: the last picture has to be redrawn. */
  readonly onStale: () => void;
  /** `q` or Ctrl-C. */
  readonly onQuit: () => void;
}

// Alternate screen, no cursor, no wrapping of lines that are too wide after all.
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/** Takes over the terminal of standard output, and reads keys from standard input if that is a terminal. */
export function openLiveView({ onStale, onQuit }: LiveViewOptions): LiveView {
  // process.stdout follows the window's size. Since it is a terminal, no pipe is made non-blocking.
  const { stdin, stdout } = process;
  const keys = isatty(0);

  const take = (): void => {
    if (keys) stdin.setRawMode(true);
    write(1, enter);
  };
  const give = (): void => {
    write(1, leave);
    if (keys) stdin.setRawMode(false);
  };
  const onKeys = (typed: Buffer): void => {
    for (const key of typed.toString('latin1')) {
      if (key === 'q' || key === 'Q' || key === '\u0003') onQuit();
      // In raw mode the terminal no longer handles Ctrl-Z.
      if (key === '\u001a') {
        give();
        process.kill(process.pid, 'SIGTSTP');
      }
    }
  };
  const onContinue = (): void => {
    take();
    onStale();
  };
  stdout.on('resize', onStale);
  process.on('SIGCONT', onContinue);
  if (keys) stdin.on('data', onKeys).resume();
  take();
  return {
    draw: (lines) => {
      const [columns, rows] = windowSize(stdout);
      const shown = lines.length > rows ? [...lines.slice(0, rows - 1), `(${lines.length - rows + 1} more lines)`] : lines;
      // A line is erased before it is written, because after the last column nothing could be erased.
      const text = shown.map((line) => `\u001b[K${cutLine(line, columns)}`).join('\r\n');
      write(1, `\u001b[H${text}${shown.length < rows ? '\r\n\u001b[J' : ''}`);
    },
    end: () => {
      stdout.off('resize', onStale);
      process.off('SIGCONT', onContinue);
      if (keys) stdin.off('data', onKeys).pause();
      give();
    },
  };
}

/** Columns and rows; 80 and 24 if the terminal does not say. */
export function windowSize(stdout: WriteStream): readonly [number, number] {
  const [columns, rows] = stdout.getWindowSize();
  return [columns > 0 ? columns : 80, rows > 0 ? rows : 24];
}

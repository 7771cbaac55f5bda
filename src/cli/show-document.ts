import { isatty } from 'node:tty';

import { toJson } from '../json.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { escapeControls } from './escape.ts';
import { formatTime } from './format-time.ts';
import { openLiveView, windowSize } from './live-view.ts';
import { print, write } from './output.ts';
import { renderError, renderErrorJson } from './render-error.ts';
import { withStopSignals } from './stop-signals.ts';
import { cutLine } from './table.ts';

/** What to show, and how. */
export interface Shown<Document> {
  readonly title: string;
  readonly read: () => Promise<Document>;
  /** For a window of this many columns; null: as many as it needs. */
  readonly render: (document: Document, nowMs: number, width: number | null) => readonly string[];
  readonly json: boolean;
  readonly watch: boolean;
  readonly trace: boolean;
}

const pollMs = 250;
const redrawMs = 1000;

/**
 * Prints the document once; with `watch` whenever it changes, on a terminal as a full-screen view. Throws what the first `read` throws.
 */
export async function showDocument<Document>(shown: Shown<Document>): Promise<void> {
  const { read, json, watch } = shown;
  const first = await read();
  const isTerminal = isatty(1);
  if (!watch) {
    const width = isTerminal ? windowSize(process.stdout)[0] : null;
    print(formatDocument(first, shown, width));
  } else {
    await withStopSignals((signal) =>
      isTerminal && !json && canRedraw() ? showLive(shown, first, signal) : printChanges(shown, first, signal),
    );
  }
}

/** A terminal that cannot move its cursor gets tables one below the other. */
function canRedraw(): boolean {
  return !['', 'dumb'].includes(callerEnvironment()['TERM'] ?? '');
}

/** As `showDocument` prints it once. */
export function formatDocument<Document>(
  document: Document,
  { render, json }: Pick<Shown<Document>, 'render' | 'json'>,
  width: number | null,
): string {
  return json ? `${toJson(document)}\n` : linesOf(render(document, Date.now(), width), width);
}

function linesOf(lines: readonly string[], width: number | null): string {
  return lines.map((line) => `${cutLine(line, width)}\n`).join('');
}

/** Ends when standard output cannot be written to or a signal comes. Each failure is reported once and skipped. */
async function printChanges<Document>({ read, render, json, trace }: Shown<Document>, first: Document, signal: AbortSignal): Promise<void> {
  let last = '';
  let told = '';
  for (let next: Document | null = first; !signal.aborted;) {
    const text = toJson(next);
    if (next !== null && text !== last) {
      if (!write(1, json ? `${text}\n` : `${last === '' ? '' : '\n'}${linesOf(render(next, Date.now(), null), null)}`)) return;
      last = text;
      told = '';
    }
    await pause(pollMs, signal);
    next = await read().catch((error: unknown) => {
      const message = json ? renderErrorJson(error) : renderError(error, trace);
      if (message !== told) write(2, message);
      told = message;
      return null;
    });
  }
}

/** Until `q`, Ctrl-C or a signal. */
async function showLive<Document>({ title, read, render, trace }: Shown<Document>, first: Document, signal: AbortSignal): Promise<void> {
  const quit = new AbortController();
  const ended = AbortSignal.any([signal, quit.signal]);
  const quitBy = isatty(0) ? 'q' : 'Ctrl-C';
  let document = first;
  let readMs = Date.now();
  let failure: readonly string[] = [];
  const view = openLiveView({ onStale: () => draw(), onQuit: () => quit.abort() });
  const draw = (): void => {
    const nowMs = Date.now();
    const width = windowSize(process.stdout)[0];
    const old = failure.length === 0 ? [] : [...failure, `as of ${formatTime(readMs)}:`, ''];
    const table = render(document, failure.length === 0 ? nowMs : readMs, width);
    view.draw([`isolate ${escapeControls(title)}  ${formatTime(nowMs)}  ${quitBy}: quit`, '', ...old, ...table]);
  };
  try {
    let drawnMs = Number.NEGATIVE_INFINITY;
    let drawn = '';
    while (!ended.aborted) {
      const seen = JSON.stringify([document, failure]);
      if (seen !== drawn || performance.now() - drawnMs >= redrawMs) {
        draw();
        drawn = seen;
        drawnMs = performance.now();
      }
      await pause(pollMs, ended);
      try {
        document = await read();
        readMs = Date.now();
        failure = [];
      } catch (error) {
        failure = renderError(error, trace).trimEnd().split('\n');
      }
    }
  } finally {
    view.end();
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal.addEventListener('abort', done);
  });
}

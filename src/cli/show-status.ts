import { openStatusSource, type StatusSource } from '../status/status-source.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { showDocument, type Shown } from './show-document.ts';

/** Which part of the status to show. */
export interface StatusView<Document> extends Pick<Shown<Document>, 'title' | 'render'> {
  readonly read: (source: Pick<StatusSource, 'status' | 'runs'>) => Promise<Document>;
}

/** Shows it according to `--json`, `--watch` and `--trace`; returns the exit status. Throws what the first reading throws. */
export async function showStatus<Document>({ title, read, render }: StatusView<Document>, { flags }: ParsedArguments): Promise<number> {
  const source = openStatusSource(process.getuid?.() ?? 0);
  try {
    const [json, watch, trace] = [flags.has('json'), flags.has('watch'), flags.has('trace')];
    await showDocument({ title, read: () => read(source), render, json, watch, trace });
    return 0;
  } finally {
    source.close();
  }
}

import { openStatusSource, type StatusSource } from '../status/status-source.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { showDocument, type Shown } from './show-document.ts';

/** What of the status there is to be seen. */
export interface StatusView<Document> extends Pick<Shown<Document>, 'title' | 'render'> {
  readonly read: (source: Pick<StatusSource, 'status' | 'runs'>) => Promise<Document>;
}

/** Shows it as the options `--json`, `--watch` and `--trace` say; returns the exit status. Throws what the first look throws. */
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

import type { View } from '../daemon/command-line.ts';
import { IsolateError } from '../error.ts';
import { templatesView } from './commands/list.ts';
import { runsView } from './commands/ps.ts';
import { statusView } from './commands/status.ts';
import { parseView } from './parse-arguments.ts';
import { formatDocument } from './show-document.ts';
import type { StatusView } from './show-status.ts';
import type { Rights } from '../host/rights.ts';

/** Nobody else is served while a command line is parsed. */
const mostWords = 64;

/** What the daemon prints for a client's command line; null if it is for another verb, is wrong, or keeps watching. */
export function clientView(argv: readonly string[]): View | null {
  const parsed = argv.length > mostWords ? null : attempt(() => parseView(argv));
  if (parsed === null || [...parsed.flags].some((flag) => flag !== 'json')) return null;
  const json = parsed.flags.has('json');
  if (parsed.verb === 'status') return viewOf(() => statusView(parsed), json);
  if (parsed.words.length > 0) return null;
  return parsed.verb === 'ps' ? viewOf(() => runsView, json) : viewOf(templatesView, json);
}

function viewOf<Document>(viewFor: (rights: Rights) => StatusView<Document>, json: boolean): View {
  return async (source, { rights, width }) => {
    const { read, render } = viewFor(rights);
    return formatDocument(await read(source), { render, json }, width);
  };
}

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (error instanceof IsolateError) return null;
    throw error;
  }
}

import { posix } from 'node:path';
import { isatty } from 'node:tty';

import type { BytePath } from '../../changes/change.ts';
import { toBytePath, unquotePath } from '../../changes/show-path.ts';
import { findChanges } from '../../diff/find-changes.ts';
import { withSessionRoot } from '../../diff/session-changes.ts';
import { IsolateError } from '../../error.ts';
import { callerContext } from '../../template/context.ts';
import { chooseForm, renderChanges } from '../change-forms.ts';
import { wantsColour } from '../colour.ts';
import { printParts, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { withStopSignals } from '../stop-signals.ts';
import { writePage } from '../write-page.ts';

/** `isolate diff NAME [PATH...]`: 0, or with --exit-code 1 if anything changed. */
export async function diffVerb(parsed: ParsedArguments): Promise<number> {
  const { words, flags, values } = parsed;
  const [name, ...given] = words;
  if (name === undefined) throw new IsolateError('usage', 'No session was given.', { hint: 'isolate diff NAME [PATH...]' });
  const form = chooseForm(parsed);
  const paths = given.map(parsePath);
  const { facts } = await callerContext();
  const warn = (message: string): void => void write(2, `isolate: ${message}\n`);
  const isChanged = await withStopSignals((signal) =>
    withSessionRoot(name, facts, warn, async (root) => {
      const found = await findChanges(root, { paths, foldDirectories: form !== 'patch', signal });
      const parts = renderChanges(found, root, {
        form,
        title: `Changes of session ${name}`,
        all: flags.has('all'),
        zero: flags.has('null'),
        toTerminal: isatty(1),
        colour: wantsColour(1),
        signal,
      });
      const page = values.get('html');
      if (page !== undefined) await writePage(page, parts);
      else if (!flags.has('quiet')) await printParts(parts);
      return found.changes.length > 0;
    }),
  );
  return flags.has('exit-code') && isChanged ? 1 : 0;
}

/** From the root; one that is no UTF-8 can be given as `isolate diff --name-only` prints it. Throws `usage`. */
function parsePath(word: string): BytePath {
  const path = unquotePath(word) ?? toBytePath(word);
  if (path === '' || path.includes('\0')) throw new IsolateError('usage', `${JSON.stringify(word)} is no path.`);
  return posix.resolve('/', path).slice(1) || '.';
}

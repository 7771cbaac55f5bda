import { type Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';

import { copy } from '../../copy/copy.ts';
import { IsolateError } from '../../error.ts';
import { callerContext } from '../../template/context.ts';
import { escapeControls } from '../escape.ts';
import { printBytes, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { withStopSignals } from '../stop-signals.ts';
import { tell } from './template/tell.ts';

/** `isolate cp SOURCE DESTINATION` */
export async function cpVerb(parsed: ParsedArguments): Promise<number> {
  const [from, to, stray] = parsed.words;
  if (from === undefined || to === undefined || stray !== undefined) {
    throw new IsolateError('usage', 'A source and a destination are needed.', {
      hint: 'isolate cp NAME:PATH PATH, or isolate cp PATH NAME:PATH',
    });
  }
  if (to === '-' && isatty(1))
    throw new IsolateError('usage', 'An archive is not for a terminal.', { hint: `isolate cp ${from} - > FILE` });
  const { facts } = await callerContext();
  const warn = (message: string): void => void write(2, `isolate: warning: ${escapeControls(message)}\n`);
  // Unlike a stream of a descriptor it can be closed while it waits for a pipe.
  const input = (): Readable => process.stdin;
  const files = await withStopSignals((signal) =>
    copy({ from, to, archive: parsed.flags.has('archive') }, { facts, warn, input, output: standardOutput(), signal }),
  );
  if (files !== null) tell(parsed, { copied: files }, `${files} ${files === 1 ? 'file' : 'files'} copied`);
  return 0;
}

/** As `print` writes. */
function standardOutput(): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      done(printBytes(chunk));
    },
  });
}

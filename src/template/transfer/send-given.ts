import type { Writable } from 'node:stream';

import { parseHostPath } from '../../spec/parse-path.ts';
import { findGiven } from '../given.ts';
import { expandHome, type PathBase } from '../path-base.ts';
import { splitLabel } from '../label.ts';
import type { Destination } from './destination.ts';
import { type Sent, type SendTemplate, sendTemplate } from './send.ts';
import { openFile, openStandardOutput, openStream, type Sink } from './sink.ts';
import { askOffer, openRemote } from './ssh.ts';

/** Where a user's template goes; a stream of the library's caller is ended, or destroyed if sending fails. */
export type SendTarget = Destination | { readonly kind: 'stream'; readonly stream: Writable };

/** How it is sent. */
export interface SendOptions extends Pick<SendTemplate, 'onProgress' | 'signal'> {
  /** Send a tar archive, which every storage takes, although a ZFS stream is possible. */
  readonly tar?: boolean;
}

/**
 * Sends `TEMPLATE[@LABEL]`, as a user writes it; `where` is the target in messages. null: the receiver has it already. Throws what
 * `findGiven`, `askOffer` and `sendTemplate` throw.
 */
export async function sendGiven(word: string, to: SendTarget, where: string, options: SendOptions): Promise<Sent | null> {
  const { tar = false, signal, ...follow } = options;
  const { template, label } = splitLabel(word);
  const { ref, context, places } = await findGiven(template);
  const file = to.kind === 'file' ? absolute(to.path, places) : '';
  const offer = to.kind === 'host' ? await askOffer(to, signal) : null;
  const receiver = to.kind === 'host' ? `${to.template} on ${to.host}` : where;
  const open = async (): Promise<Sink> => {
    switch (to.kind) {
      case 'standard-output':
        return openStandardOutput();
      case 'stream':
        return openStream(to.stream);
      case 'file':
        return openFile(file);
      case 'host':
        return await openRemote(to, signal);
    }
  };
  const parcel = { ref, name: template, label, asTar: tar, offer, receiver, open };
  return await sendTemplate({ ...parcel, ...follow, ...(signal === undefined ? {} : { signal }) }, context);
}

function absolute(path: string, base: PathBase): string {
  return parseHostPath('usage', 'The file', expandHome('usage', path, base), base.workingDirectory);
}

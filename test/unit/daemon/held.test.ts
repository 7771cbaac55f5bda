import { expect, test } from 'vitest';

import { brokerGone, clientGone } from '../../../src/daemon/gone.ts';
import { type Held, holdFor } from '../../../src/daemon/held.ts';

function hold(): { readonly held: Held; readonly ending: AbortController; readonly log: string[] } {
  const ending = new AbortController();
  const log: string[] = [];
  const held = holdFor({
    signal: ending.signal,
    warn: (message) => log.push(`warning: ${message}`),
    onEnded: ({ kind }) => log.push(`ended: ${kind}`),
  });
  held.defer((runsOn) => log.push(`first, runs on: ${runsOn}`));
  held.defer(() => {
    throw new Error('the file system is read-only');
  });
  held.defer(() => log.push('third'));
  return { held, ending, log };
}

const givenBack = ['first, runs on: false', 'warning: the file system is read-only', 'third'];

test('a failure to give something back is reported, and everything else is still given back, once', async () => {
  const { held, ending, log } = hold();
  ending.abort(clientGone);
  held.release({ kind: 'exited', code: 3 });
  expect(log).toEqual([...givenBack, 'ended: closed']);
  expect(await held.ended).toEqual({ kind: 'closed' });
});

test('what is deferred after the end is given back at once', () => {
  const { held, ending, log } = hold();
  ending.abort(clientGone);
  held.defer((runsOn) => log.push(`late, runs on: ${runsOn}`));
  held.defer(() => {
    throw new Error('late failure');
  });
  expect(log.slice(4)).toEqual(['late, runs on: false', 'warning: late failure']);
});

test('a connection that had ended before leaves nothing behind', () => {
  const log: string[] = [];
  const held = holdFor({ signal: AbortSignal.abort(clientGone), warn: () => {} });
  held.defer((runsOn) => log.push(`given back, runs on: ${runsOn}`));
  expect(log).toEqual(['given back, runs on: false']);
});

test.each([
  ['that was told of its run may run on when its broker goes', true, ['first, runs on: true', ...givenBack.slice(1), 'ended: left']],
  ['that was told nothing yet has nothing when its broker goes', false, [...givenBack, 'ended: closed']],
])('a client %s', (_, isSent, expected) => {
  const { held, ending, log } = hold();
  if (isSent) held.send();
  ending.abort(brokerGone);
  expect(log).toEqual(expected);
});

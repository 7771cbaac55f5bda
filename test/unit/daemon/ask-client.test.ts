import { expect, test } from 'vitest';

import { askClient } from '../../../src/daemon/ask-client.ts';
import type { Item } from '../../../src/wire/frame.ts';

test.each<[string, Item]>([
  ['too few bytes', { name: 'path-facts', value: new Uint8Array(23) }],
  ['none', { name: 'path-facts', value: new Uint8Array(0) }],
  ['those of another question', { name: 'entries', value: new Uint8Array(24) }],
])('a client that answers with %s is no defect of the daemon', async (_what, item) => {
  await expect(askClient({ paths: ['/srv'] }, async () => ({ name: 'answer', items: [item] }))).rejects.toMatchObject({
    code: 'daemon-failed',
  });
});

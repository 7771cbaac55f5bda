import { expect, test, vi } from 'vitest';

import { askClient } from '../../../src/daemon/ask-client.ts';
import * as host from '../../../src/host/read-mounts.ts';
import type { Item } from '../../../src/wire/frame.ts';

vi.mock('../../../src/host/read-mounts.ts', { spy: true });

test('the mounts of the host are read once for all the paths on memory file systems that a client tells of', async () => {
  const onTmpfs = new Uint8Array(Uint32Array.of(0o40755, 1000, 1000, 0x01_02_19_94, 0, 40, 2).buffer);
  const paths = Array.from({ length: 500 }, (_, index) => `/${index}`);
  const item: Item = { name: 'path-facts', value: onTmpfs };
  const told = await askClient({ paths }, async () => ({ name: 'answer', items: paths.map(() => item) }));
  expect([told.paths.size, vi.mocked(host.readMounts).mock.calls.length]).toEqual([500, 1]);
});

test.each<[string, Item]>([
  ['too few bytes', { name: 'path-facts', value: new Uint8Array(27) }],
  ['none', { name: 'path-facts', value: new Uint8Array(0) }],
  ['those of another question', { name: 'entries', value: new Uint8Array(28) }],
])('a client that answers with %s is no defect of the daemon', async (_what, item) => {
  await expect(askClient({ paths: ['/srv'] }, async () => ({ name: 'answer', items: [item] }))).rejects.toMatchObject({
    code: 'daemon-failed',
  });
});

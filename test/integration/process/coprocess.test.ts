import { expect, test } from 'vitest';

import { startCoprocess } from '../../../src/process/coprocess.ts';

const mebibyte = 1024 * 1024;

test('whoever can wait is held up while a coprocess does not read, until it reads or ends', async () => {
  let read = 0;
  const reader = await startCoprocess({ file: '/bin/cat', args: [], onData: ({ length }) => (read += length) });
  expect(reader.drained()).toBeNull();
  reader.write(Buffer.alloc(9 * mebibyte));
  const drained = reader.drained();
  expect(drained).not.toBeNull();
  await drained;
  expect(reader.drained()).toBeNull();
  reader.end();
  await reader.ended;
  expect(read).toBe(9 * mebibyte);

  const sleeper = await startCoprocess({ file: '/bin/sleep', args: ['600'], onData: () => {} });
  sleeper.write(Buffer.alloc(9 * mebibyte));
  const freed = sleeper.drained();
  sleeper.kill();
  await freed;
  expect({ ended: await sleeper.ended, drained: sleeper.drained() }).toEqual({ ended: 'by SIGKILL', drained: null });
});

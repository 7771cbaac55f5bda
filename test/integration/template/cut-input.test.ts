import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';

import { runAsCaller } from '../../../src/template/fill/filling.ts';
import { callerContext } from '../../../src/template/context.ts';

test('a program whose input is cut off, without an error or an end, is not waited for without end', async () => {
  const { facts } = await callerContext();
  const input = new PassThrough();
  input.write('begun');
  let got = '';
  const onOutput = (chunk: Buffer): void => {
    got += chunk.toString();
    input.destroy();
  };
  expect(await runAsCaller(facts, { command: ['cat'], input, onOutput })).toBe(0);
  expect(got).toBe('begun');
});

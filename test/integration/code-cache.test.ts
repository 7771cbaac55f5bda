import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';

import { codeCachePath } from '../../src/cli/code-cache.ts';
import { isolatePath } from '../rig/isolate.ts';

test.each([
  ['a run on a clone', 'run', ['lease:renamed', 'ISOLREC1']],
  ['a look at what a session changed', 'isolate', ['Changes of session ', 'The trees cannot be read: ']],
] as const)('the build keeps the compiled code of %s, whose functions have these texts', (_, name, texts) => {
  const code = readFileSync(codeCachePath(dirname(isolatePath), name), 'latin1');
  expect(texts.filter((text) => !code.includes(text))).toEqual([]);
});

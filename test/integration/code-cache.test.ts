import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';

import { codeCachePath } from '../../src/cli/code-cache.ts';
import { isolatePath } from '../rig/isolate.ts';

test('the build keeps the compiled code of a run on a clone, whose functions have these texts', () => {
  const code = readFileSync(codeCachePath(dirname(isolatePath)), 'latin1');
  expect(['lease:renamed', 'ISOLREC1'].filter((text) => !code.includes(text))).toEqual([]);
});

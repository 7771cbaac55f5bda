import { expect, test } from 'vitest';

import { IsolateError } from '../../../../src/error.ts';
import { parseDigest } from '../../../../src/template/oci/digest.ts';

test.each<[string, unknown, string]>([
  ['lists in lists', JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`), 'no text'],
  ['a long text', 'x'.repeat(100_000), `"${'x'.repeat(160)}"`],
  ['nothing', undefined, 'nothing'],
])('%s in the place of a digest are refused in few words', (_, value, shown) => {
  expect(() => parseDigest(value, 'Layer 1')).toThrow(new IsolateError('bad-source', `Layer 1 has ${shown} as its digest, which is none.`));
});

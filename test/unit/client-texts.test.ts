import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { renderTextsHeader } from '../../scripts/texts-header.ts';

it('the words for a failed launch are the same in C (scripts/build-texts.ts writes them)', () => {
  expect(readFileSync(join(import.meta.dirname, '../../client/texts.h'), 'utf8')).toBe(renderTextsHeader());
});

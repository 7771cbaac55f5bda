import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { renderTextsHeader } from '../../scripts/texts-header.ts';
import { optionsOfNode } from '../../src/run/run-client.ts';
import { runOptions } from '../../src/spec/options/table.ts';

it('the words that the client shares with Node are the same in C (scripts/build-texts.ts writes them)', () => {
  expect(readFileSync(join(import.meta.dirname, '../../client/texts.h'), 'utf8')).toBe(renderTextsHeader());
});

it('the options for which the client starts Node in its own place are options of a run', () => {
  const known = runOptions.map(({ long }) => long);
  expect(optionsOfNode.filter((option) => !known.includes(option))).toEqual([]);
});

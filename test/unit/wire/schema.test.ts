import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { items, messages } from '../../../src/wire/schema.ts';
import { renderSchemaHeader } from '../../../scripts/gate-header.ts';

test('the tables of the C side are those of the schema', () => {
  expect(readFileSync(join(import.meta.dirname, '../../../gate/schema.h'), 'utf8')).toBe(renderSchemaHeader());
});

test('no two items and no two messages have one number', () => {
  const tags = Object.values(items).map(({ tag }) => tag);
  const kinds = Object.values(messages).map(({ kind }) => kind);
  expect({ tags: new Set(tags).size, kinds: new Set(kinds).size }).toEqual({ tags: tags.length, kinds: kinds.length });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { renderChannelHeader } from '../../../scripts/channel-header.ts';
import { frameBytes, frames, windowBytes } from '../../../src/machine/schema.ts';

test('the tables of the C side are those of the schema', () => {
  expect(readFileSync(join(import.meta.dirname, '../../../guest/schema.h'), 'utf8')).toBe(renderChannelHeader());
});

test('no two frames have one number, and all numbers fit into the table', () => {
  const kinds = Object.values(frames).map(({ kind }) => kind);
  expect({ different: new Set(kinds).size, most: Math.max(...kinds) < 64 }).toEqual({ different: kinds.length, most: true });
});

test('a stream may have several frames under way', () => {
  expect(windowBytes).toBeGreaterThanOrEqual(2 * frameBytes);
});

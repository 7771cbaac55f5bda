import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { renderLaunchHeader } from '../../../scripts/launch-header.ts';
import { fillLaunchTables } from '../../../scripts/launch-tables.ts';
import { fileOperations, mountOperations } from '../../../src/launch/operations.ts';
import { events, items } from '../../../src/launch/schema.ts';

const launcher = join(import.meta.dirname, '../../../launcher');

it('the tables of the launcher are those of the schema (scripts/build-schema.ts writes them)', () => {
  expect(readFileSync(join(launcher, 'schema.h'), 'utf8')).toBe(renderLaunchHeader());
});

it('the tables of RECORD.md are those of the schema', () => {
  const document = readFileSync(join(launcher, 'RECORD.md'), 'utf8');
  expect(document).toBe(fillLaunchTables(document));
});

it('no two items, mount operations or events have one number', () => {
  const numbers = [
    Object.values(items).map(({ tag }) => tag),
    Object.values(mountOperations).map(({ kind }) => kind),
    Object.values(fileOperations).map(({ kind }) => kind),
    Object.values(events).map(({ kind }) => kind),
  ];
  expect(numbers.map((list) => new Set<number>(list).size)).toEqual(numbers.map(({ length }) => length));
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { directoryKey } from '../../../src/storage/clones/layout.ts';
import { noteTemplate, removeEmptyPlaces } from '../../../src/storage/clones/note.ts';
import { findClonedDirectories } from '../../../src/storage/noted.ts';
import { directoryStorages } from '../../../src/spec/root-ref.ts';

const path = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).map((text) => `/${text.replaceAll('\0', '')}`);
const note = fc.record({ path, storage: fc.constantFrom(...directoryStorages) });
/** What is no note: under another key, cut off, or not a path. */
const garbage = fc.record({
  key: fc.constantFrom('pidns', 'debian-0123456789abcdef', 'x'),
  text: fc.constantFrom('', '/srv/debian', '/srv/debian\n', 'debian\n'),
  storage: fc.constantFrom(...directoryStorages),
});

test('every template that is noted is found again, whatever its name is, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(note), fc.array(garbage), async (notes, others) => {
      const state = mkdtempSync(join(tmpdir(), 'isolate-noted-'));
      try {
        for (const { key, text, storage } of others) {
          mkdirSync(join(state, storage, key), { recursive: true });
          writeFileSync(join(state, storage, key, 'template'), text);
        }
        const layouts = notes.map(({ path: template, storage }) => ({
          template,
          directory: join(state, 'beside', storage, directoryKey(template)),
          noted: join(state, storage, directoryKey(template)),
        }));
        for (const { template, ...layout } of layouts) await noteTemplate(layout, template);
        const found = findClonedDirectories(state).map(({ path: template, storage = 'overlay' }) => `${storage} ${template}`);
        expect(found.toSorted()).toEqual([...new Set(notes.map(({ path: template, storage }) => `${storage} ${template}`))].toSorted());
        for (const { template, ...layout } of layouts) await removeEmptyPlaces(layout, template);
        expect(findClonedDirectories(state)).toEqual([]);
      } finally {
        rmSync(state, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

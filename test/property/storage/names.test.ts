import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDataset } from '../../../src/spec/parse-name.ts';
import { cloneId, cloneName, parentOf } from '../../../src/storage/zfs/names.ts';
import { parseCloneDirectory } from '../../../src/storage/clones/layout.ts';
import { overlayLayout } from '../../../src/storage/overlay/layout.ts';

const first = fc.constantFrom(...'abzABZ019_.:'.split(''));
const rest = fc.string({ unit: fc.constantFrom(...'abzABZ019_.:-'.split('')), maxLength: 8 });
const component = fc
  .tuple(first, rest)
  .map(([head, tail]) => head + tail)
  .filter((name) => name !== '.' && !name.includes('..'));
const template = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => ['pool', ...parts].join('/'));
const id = fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: 1, maxLength: 20 });

test('a clone is recognised by its own template, and its name is a valid one beside it', () => {
  fc.assert(
    fc.property(template, id, (name, digits) => {
      const clone = cloneName(parseDataset(name), digits);
      expect(cloneId(name, clone)).toBe(digits);
      expect(parentOf(clone)).toBe(parentOf(name));
      expect(clone.length).toBeLessThanOrEqual(255);
    }),
  );
});

test('whatever is taken for a template has no character that means something to zfs, a path or a terminal', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), template), (text) => {
      let taken: string;
      try {
        taken = parseDataset(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-name' });
        return;
      }
      expect(taken).toMatch(/^[A-Za-z][A-Za-z0-9_.:/-]*$/);
      expect(taken.split('/').some((part) => part === '' || part === '.' || part === '..' || part.startsWith('-'))).toBe(false);
    }),
  );
});

test('the directories of overlay clones are read back, and those of two templates never meet', () => {
  const path = fc.array(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(path, path, id, fc.constantFrom('new' as const, 'live' as const, 'gone' as const), (one, other, digits, stage) => {
      const layout = overlayLayout('/state', one);
      expect(layout.directory).toMatch(/^\/state\/overlay\/[A-Za-z0-9_-][A-Za-z0-9_.-]*$/);
      expect(parseCloneDirectory(layout.clone(digits, stage).slice(layout.directory.length + 1))).toEqual({ id: digits, stage });
      expect(overlayLayout('/state', other).directory === layout.directory).toBe(one === other);
    }),
  );
});

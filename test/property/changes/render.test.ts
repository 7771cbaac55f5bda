import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Change, ChangeKind } from '../../../src/changes/change.ts';
import { quotePath, showPath, toBytePath, unquotePath } from '../../../src/changes/show-path.ts';
import { renderJson } from '../../../src/changes/render/json.ts';
import { diffLines } from '../../../src/changes/render/line-diff.ts';
import { porcelainLine } from '../../../src/changes/render/porcelain.ts';
import { renderText } from '../../../src/changes/render/text.ts';
import { showTime } from '../../../src/changes/show-time.ts';
import { dangerousCharacters } from '../../../src/json.ts';
import { anyChange, anyPath } from '../../rig/any-change.ts';
import { joinAll } from '../../rig/sample-changes.ts';
import { unquote } from '../../rig/unquote.ts';

test('a quoted path is printable ASCII, and unquoting gives the path', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      const quoted = quotePath(path);
      expect(quoted).toMatch(/^[ -~]*$/);
      expect(unquote(quoted)).toBe(path);
    }),
  );
});

test('a path for people is safe for a terminal, and unquoting gives the path', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      const shown = showPath(path);
      expect(shown.replaceAll(dangerousCharacters, '')).toBe(shown);
      expect(unquote(Buffer.from(shown).toString('latin1'))).toBe(path);
    }),
  );
});

test('a path that was printed is the path again', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      for (const printed of [quotePath(path), showPath(path)]) expect(unquotePath(printed) ?? toBytePath(printed)).toBe(path);
    }),
  );
});

const letters: Readonly<Record<string, ChangeKind>> = {
  '+': 'added',
  '-': 'deleted',
  c: 'content',
  t: 'type',
  p: 'mode',
  u: 'owner',
  g: 'group',
  x: 'attributes',
  a: 'acl',
};

test.each([false, true])('a reader of --porcelain finds the kinds and paths again (zero: %s)', (zero) => {
  fc.assert(
    fc.property(fc.array(anyChange), (changes) => {
      const output = Buffer.concat(changes.map((change) => porcelainLine(change, { zero }))).toString('latin1');
      expect(readPorcelain(output, zero)).toEqual(
        changes.map(({ kinds, path, movedFrom }) => ({
          kinds: new Set(kinds),
          path,
          movedFrom: kinds.includes('added') ? movedFrom : undefined,
        })),
      );
    }),
  );
});

function readPorcelain(output: string, zero: boolean): readonly object[] {
  const fields = output.split(zero ? '\0' : '\n').slice(0, -1);
  const found: object[] = [];
  while (fields.length > 0) {
    const field = fields.shift() ?? '';
    const kinds = new Set(
      field
        .slice(0, 9)
        .replaceAll('.', '')
        .split('')
        .map((letter) => letters[letter]),
    );
    const isMove = kinds.has('added') && kinds.has('deleted');
    const [path = '', old] = zero ? [field.slice(10), isMove ? fields.shift() : undefined] : field.slice(10).split('\t');
    found.push({ kinds, path: zero ? path : unquote(path), movedFrom: old === undefined || zero ? old : unquote(old) });
  }
  return found;
}

test('the JSON has the bytes of every path, link and value', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyChange), async (changes) => {
      const text = await joinAll(renderJson(changes, null));
      const parsed: { readonly changes: readonly Record<string, unknown>[]; readonly count: number } = JSON.parse(text);
      expect(text.replaceAll('\n', '').replaceAll(dangerousCharacters, '')).toBe(text.replaceAll('\n', ''));
      expect(parsed.count).toBe(changes.length);
      expect(
        parsed.changes.map((fields) => [
          bytesOf(fields, 'path'),
          bytesOf(fields, 'movedFrom'),
          targetOf(fields['after']),
          valuesOf(fields),
        ]),
      ).toEqual(
        changes.map(({ path, movedFrom, after, attributes }) => [
          path,
          movedFrom,
          after?.target ?? undefined,
          attributes.map(({ after }) => after && [...after]),
        ]),
      );
    }),
  );
});

function bytesOf(fields: Record<string, unknown>, name: string): string | undefined {
  const bytes = fields[`${name}Bytes`];
  const text = fields[name];
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64').toString('latin1');
  return typeof text === 'string' ? Buffer.from(text).toString('latin1') : undefined;
}

function targetOf(state: unknown): string | undefined {
  return isFields(state) ? bytesOf(state, 'target') : undefined;
}

function valuesOf({ attributes }: Record<string, unknown>): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(attributes) ? attributes : [];
  return list.map((attribute) => {
    const after = isFields(attribute) ? attribute['after'] : undefined;
    return typeof after === 'string' ? [...Buffer.from(after, 'base64')] : after;
  });
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

test('the text for a terminal has no dangerous character but its own newlines', () => {
  fc.assert(
    fc.property(fc.array(anyChange), fc.boolean(), (changes, all) => {
      const text = renderText(changes, { colour: false, all, saysAll: true }).replaceAll('\n', '');
      expect(text.replaceAll(dangerousCharacters, '')).toBe(text);
    }),
  );
});

test('the text names every change that is no plain addition, folded or not', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 15 }), (changes) => {
      const marks = (all: boolean): readonly string[] =>
        renderText(changes, { colour: false, all, saysAll: true })
          .split('\n')
          .filter((line) => /^ {2}[MDRT] {2}/.test(line));
      expect(marks(false)).toEqual(marks(true));
      expect(marks(true).length).toBe(
        changes.filter((change: Change) => !change.kinds.includes('added') || change.movedFrom !== undefined).length,
      );
    }),
  );
});

test('times are those of Date, with nanoseconds', () => {
  const limit = 8_640_000_000_000_000;
  fc.assert(
    fc.property(fc.integer({ min: -limit, max: limit }), fc.nat(999_999), (ms, ns) => {
      expect(showTime(BigInt(ms) * 1_000_000n + BigInt(ns))).toBe(
        new Date(ms).toISOString().replace('Z', `${String(ns).padStart(6, '0')}Z`),
      );
    }),
  );
});

const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 });

test('the lines that differ make one text of the other, and are as few as can be', () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const edits = diffLines(before, after, 1e6) ?? [];
      const made: string[] = [];
      let at = 0;
      let changed = 0;
      for (const { beforeStart, beforeEnd, afterStart, afterEnd } of edits) {
        made.push(...before.slice(at, beforeStart), ...after.slice(afterStart, afterEnd));
        at = beforeEnd;
        changed += beforeEnd - beforeStart + afterEnd - afterStart;
      }
      expect([...made, ...before.slice(at)]).toEqual(after);
      expect(changed).toBe(before.length + after.length - 2 * longestCommon(before, after));
    }),
    { numRuns: 1000 },
  );
});

function longestCommon(one: readonly string[], other: readonly string[]): number {
  let row = Array.from({ length: other.length + 1 }, () => 0);
  for (const line of one) {
    const next = [0];
    for (const [index, its] of other.entries())
      next.push(its === line ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0));
    row = next;
  }
  return row.at(-1) ?? 0;
}

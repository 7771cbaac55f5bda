import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IsolateError } from '../../src/error.ts';
import { parseBind } from '../../src/spec/bind.ts';
import { parseEnvironmentFile, parseVariable } from '../../src/spec/parse-environment.ts';
import { parseDataset } from '../../src/spec/parse-name.ts';
import { parseInteger, parseSeconds, parseSize } from '../../src/spec/parse-number.ts';

const part = fc.string({ minLength: 1, unit: fc.constantFrom('a', 'ß', ':', '\\', ' ', '"', '=', '-') });
const absolute = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const anyText = fc.string({ unit: 'binary' });

test('a bind has the paths that were escaped, whatever colons and backslashes they hold', () => {
  const escape = (path: string): string => path.replaceAll(/[\\:]/g, String.raw`\$&`);
  fc.assert(
    fc.property(absolute, absolute, fc.boolean(), (source, target, readOnly) => {
      expect(parseBind(`${escape(source)}:${escape(target)}${readOnly ? ':ro' : ''}`, '/nowhere')).toEqual({ source, target, readOnly });
    }),
  );
});

test('a backslash before any other character stands for itself', () => {
  expect(parseBind(String.raw`/a\b:/c\\d\:e`, '/')).toEqual({ source: String.raw`/a\b`, target: String.raw`/c\d:e`, readOnly: false });
});

test('a variable keeps its value byte for byte with either separator', () => {
  const name = fc.string({ minLength: 1, unit: fc.constantFrom('A', 'z', '_', '9', '.', '%') });
  const value = anyText.filter((text) => !/[\0\ufffd]/.test(text));
  fc.assert(
    fc.property(name, value, fc.constantFrom('=', ':'), (key, text, separator) => {
      expect(parseVariable(`${key}${separator}${text}`, {})).toEqual([key, text]);
      expect(parseVariable(key, { [key]: text })).toEqual([key, text]);
    }),
  );
});

test('a file of variables gives back what was written to it', () => {
  const name = fc.string({ minLength: 1, unit: fc.constantFrom('A', 'z', '_', '9') });
  const value = anyText.filter((text) => !/[\0\n\ufffd]/.test(text));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (variables) => {
      const text = variables.map(([key, content]) => `${key}=${content}\n`).join('');
      expect(parseEnvironmentFile(text, 'f')).toEqual(variables);
    }),
  );
});

test('parsers take any text and throw nothing but an error of their own', () => {
  const parsers: readonly ((text: string) => unknown)[] = [
    (text) => parseBind(text, '/'),
    (text) => parseVariable(text, {}),
    (text) => parseEnvironmentFile(text, 'f'),
    (text) => parseDataset(text),
    (text) => parseInteger('-', text, 0, 9),
    (text) => parseSize('-', text),
    (text) => parseSeconds('-', text, 0),
  ];
  fc.assert(
    fc.property(anyText, fc.constantFrom(...parsers), (text, parse) => {
      try {
        parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(IsolateError);
      }
    }),
  );
});

test('a dataset that is taken is safe as a word of any command line', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.string({ unit: fc.constantFrom('a', '/', '.', '-', ':', '@', ' ') })), (text) => {
      let name: string;
      try {
        name = parseDataset(text);
      } catch {
        return;
      }
      expect(name).toBe(text);
      expect(name).toMatch(/^(?!.*\.\.)[A-Za-z0-9_.:][A-Za-z0-9_.:-]*(\/[A-Za-z0-9_.:][A-Za-z0-9_.:-]*)*$/);
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IsolateError } from '../../src/error.ts';
import { parseTemplateRecord, printTemplateRecord, type TemplateRecord } from '../../src/spec/template-record.ts';

const word = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[\0\ufffd]/.test(text));
const line = word.filter((text) => !/\p{Cc}/u.test(text));
const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'PATH'),
  fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('A', 'z', '_', '9', '.', '%') }),
);

const record: fc.Arbitrary<TemplateRecord> = fc.record(
  {
    version: fc.constant(1 as const),
    createdMs: fc.nat(),
    source: line,
    digest: fc.string({ unit: fc.constantFrom('a', '7'), minLength: 64, maxLength: 64 }).map((hex) => `sha256:${hex}`),
    unused: fc.array(line, { maxLength: 3 }),
    defaults: fc.record(
      {
        entrypoint: fc.array(word, { maxLength: 4 }),
        command: fc.array(word, { maxLength: 4 }),
        environment: fc.array(fc.tuple(name, word), { maxLength: 4 }).map((variables) => Object.fromEntries(variables)),
        workingDirectory: fc.constantFrom('/', '/srv/a b', '/ü'),
        user: fc.constantFrom('root', '1000', '1000:1000', 'build.er:staff', 'x$'),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['version', 'createdMs', 'defaults'] },
);

test('a record is read as it was printed', () => {
  fc.assert(
    fc.property(record, (made) => {
      expect(parseTemplateRecord(printTemplateRecord(made), 't')).toEqual(made);
    }),
  );
});

test('whatever a template has in place of its record is taken or refused with the name of the template and the file', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.record({ version: fc.constant(1), createdMs: fc.constant(0), defaults: fc.jsonValue() }).map((value) => JSON.stringify(value)),
    fc
      .record({
        version: fc.constantFrom(1, 2, null),
        createdMs: fc.constantFrom(0, -1, 1.5, 'x'),
        defaults: fc.dictionary(
          fc.constantFrom('entrypoint', 'command', 'environment', 'workingDirectory', 'user', 'more'),
          fc.oneof(fc.jsonValue(), word, fc.array(fc.oneof(word, fc.constant('\0')))),
        ),
      })
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(anything, (text) => {
      try {
        expect(parseTemplateRecord(text, 'pool/debian').version).toBe(1);
      } catch (error) {
        expect(error).toBeInstanceOf(IsolateError);
        expect((error as IsolateError).code).toBe('bad-template');
        expect((error as IsolateError).message).toContain('/.isolate/template.json in pool/debian');
      }
    }),
  );
});

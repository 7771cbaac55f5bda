import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Change, ChangeKind, FileState } from '../../../../src/changes/change.ts';
import { renderChangeReport } from '../../../../src/changes/report/render-report.ts';
import type { Report } from '../../../../src/changes/finding.ts';
import { makeReport } from '../../../../src/changes/report/report.ts';
import { rules } from '../../../../src/changes/report/rules.ts';
import { toSarif } from '../../../../src/changes/report/sarif.ts';
import { textsWanted } from '../../../../src/changes/report/texts-wanted.ts';
import { dangerousCharacters } from '../../../../src/json.ts';
import { added, edited, state } from './make-changes.ts';

const bytes = fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array).toString('latin1').replaceAll(/[\0/]/g, '_'));
const patterns = rules.flatMap(({ match }) => (match.by === 'path' || match.by === 'text' ? match.paths : []));

/** Paths that patterns of the table fit, and others. */
const paths = fc.oneof(
  fc.tuple(fc.constantFrom(...patterns), bytes).map(([pattern, name]) =>
    pattern
      .replaceAll(/\{([^,}]*)[^}]*\}/g, '$1')
      .replaceAll('**', `a/${name}x`)
      .replaceAll('*', name),
  ),
  fc.constantFrom(
    'var/lib/dpkg/status',
    'var/lib/apt/extended_states',
    'lib/apk/db/installed',
    'a/node_modules/b/package.json',
    'a/site-packages/b-1.dist-info/METADATA',
    '.',
  ),
  fc
    .array(
      bytes.filter((name) => name !== ''),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => parts.join('/')),
);

const id = fc.option(fc.constantFrom(0, 7, 65_534, 4_294_967_295));
const states: fc.Arbitrary<FileState> = fc.record({
  kind: fc.constantFrom('file', 'directory', 'link', 'block-device', 'character-device', 'pipe', 'socket'),
  mode: fc.nat(0o7777),
  uid: id,
  gid: id,
  sizeBytes: fc.nat(3),
  modifiedNs: fc.constant(0n),
  device: fc.record({ major: fc.nat(9), minor: fc.nat(9) }),
  inode: fc.constant(1n),
  links: fc.nat(3),
  target: fc.option(bytes),
});
const kinds = fc.uniqueArray(
  fc.constantFrom<ChangeKind>('added', 'deleted', 'content', 'type', 'mode', 'owner', 'group', 'attributes', 'acl'),
  { minLength: 1 },
);
const value = fc.option(fc.uint8Array({ maxLength: 30 }));
const changes: fc.Arbitrary<Change> = fc
  .record({
    path: paths,
    kinds,
    before: fc.option(states),
    after: fc.option(states),
    attributes: fc.array(
      fc.record({ name: fc.constantFrom('security.capability', 'user.x', 'system.posix_acl_access'), before: value, after: value }),
      { maxLength: 2 },
    ),
    movedFrom: fc.option(paths, { nil: undefined }),
  })
  .map(({ movedFrom, ...rest }) => (movedFrom === undefined ? rest : { ...rest, movedFrom }));
const line = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    'Package: a',
    'Status: install ok installed',
    'Version: 1',
    'P:a',
    'V:1',
    'F:x',
    'R:y',
    'root:x:0:0::/:/bin/sh',
    'a::::::',
    '+',
    'ssh-rsa',
    '{}',
    '"',
    '/usr/bin/x',
  ),
);
const texts = fc.option(fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n')));
const cases = fc.array(fc.tuple(changes, texts, texts), { maxLength: 12 });

function checkReport(report: Report, count: number): void {
  const shown = [
    report.summary,
    ...report.findings.flatMap(({ items }) => items),
    ...renderChangeReport(report, { mostItems: 5, all: true, saysAll: true }).split('\n'),
  ].join('');
  expect(shown).not.toMatch(new RegExp(dangerousCharacters, 'u'));
  expect(JSON.stringify(toSarif(report, '1'))).not.toBe('');
  for (const { items, paths, count: found, inFull, ofPackages, risk } of report.findings) {
    expect(found).toBeGreaterThan(0);
    expect(items.length).toBe(risk === 'none' ? 0 : paths.length);
    expect(inFull).toBeLessThanOrEqual(items.length);
    expect(ofPackages).toBeLessThanOrEqual(found);
  }
  expect(report.findings.length > 0).toBe(count > 0);
}

describe('whatever changes there are', () => {
  test('a report of them is made, is safe for a terminal, and has every path', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const all = given.map(([change]) => change).filter(({ before, after }) => before !== null || after !== null);
        const pairs = new Map(given.map(([{ path }, before, after]) => [path, { before, after }]));
        const report = makeReport(all, pairs);
        checkReport(report, all.length);
        const reported = new Set(report.findings.flatMap(({ paths }) => paths));
        expect(all.map(({ path }) => path).filter((path) => !reported.has(path))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('a report without the texts that it wants has each of their changes', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 12 }), (given) => {
        const all = given.filter(({ before, after }) => before !== null || after !== null);
        const report = makeReport(all, new Map());
        checkReport(report, all.length);
        expect(textsWanted(all)).toEqual([...new Set(textsWanted(all))]);
      }),
      { numRuns: 500 },
    );
  });
});

/** Changes whose paths count how often they are looked at. */
function countReads(count: number): { readonly changes: readonly Change[]; readonly reads: () => number } {
  let reads = 0;
  const made = state();
  const folders = [
    'usr/share/x',
    'var/cache/x',
    'home/ada/.config/x/y',
    'opt/a/node_modules/b',
    'etc/x',
    'usr/lib/modules/6/x',
    'a/.git/x',
  ];
  const list = Array.from({ length: count }, (_, at) => {
    const path = `${folders[at % folders.length]}/${at % 1000}/${at}`;
    return {
      get path() {
        reads += 1;
        return path;
      },
      kinds: ['added'] as const,
      before: null,
      get after() {
        reads += 1;
        return made;
      },
      attributes: [],
    };
  });
  return { changes: list, reads: () => reads };
}

test('a million changes are looked at a bounded number of times each', { timeout: 600_000 }, () => {
  const readsOf = (count: number) => {
    const { changes: many, reads } = countReads(count);
    const report = makeReport(many, new Map());
    expect(report.findings.reduce((sum, { paths }) => sum + paths.length, 0)).toBe(count);
    textsWanted(many);
    return reads() / count;
  };
  const few = readsOf(7000);
  expect(few).toBeLessThan(80);
  expect(Math.abs(readsOf(1_000_000) - few)).toBeLessThan(1);
});

test('a list of many packages is read a bounded number of times', () => {
  const count = 3000;
  let reads = 0;
  const installed = Array.from({ length: count }, (_, at) => `P:p${at}\nV:1\nF:usr/share\nR:${at}\n\n`).join('');
  const pair = {
    before: '',
    get after() {
      reads += 1;
      return installed;
    },
  };
  const report = makeReport(
    [edited('lib/apk/db/installed'), ...Array.from({ length: count }, (_, at) => added(`usr/share/${at}`))],
    new Map([['lib/apk/db/installed', pair]]),
  );
  expect(Object.fromEntries(report.findings.map(({ rule, count: found }) => [rule, found]))).toEqual({
    'package-installed': count,
    'package-files': count,
    'package-record': 1,
  });
  expect(reads).toBeLessThan(20);
});

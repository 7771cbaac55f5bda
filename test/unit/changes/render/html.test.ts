import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';

import type { Finding } from '../../../../src/changes/finding.ts';
import { type Page, renderHtml } from '../../../../src/changes/render/html/page.ts';
import { script, scriptHash } from '../../../../src/changes/render/html/script.ts';
import { style, styleHash } from '../../../../src/changes/render/html/style.ts';
import { diffTexts } from '../../../../src/changes/render/text-diff.ts';
import { elementsOf, type HtmlElement, parseHtml, textOf, withClass } from '../../../rig/parse-html.ts';
import { added, change, deleted, fileState, sampleChanges } from '../../../rig/sample-changes.ts';

const nothing: Page = { title: 'Changes of web', report: { summary: 'Nothing changed.', findings: [] }, changes: [], patches: new Map() };
const render = (page: Partial<Page>): string => [...renderHtml({ ...nothing, ...page })].join('');
const parse = (page: Partial<Page>): HtmlElement => parseHtml(render(page));
const withTag = (page: HtmlElement, tag: string): readonly HtmlElement[] => elementsOf(page).filter((element) => element.tag === tag);
const finding = (parts: Partial<Finding>): Finding => ({
  rule: 'r',
  category: 'c',
  risk: 'low',
  count: 1,
  what: 'things',
  ofPackages: 0,
  inFull: 0,
  items: [],
  paths: [],
  why: 'Because.',
  ...parts,
});

test('the policy of the page has the hashes of its style and its script', () => {
  const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
  expect([styleHash, scriptHash]).toEqual([hash(style), hash(script)]);
  expect(
    withTag(parse({}), 'meta').find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy')?.attributes['content'],
  ).toBe(`default-src 'none'; style-src '${styleHash}'; script-src '${scriptHash}'; base-uri 'none'; form-action 'none'`);
});

test('the page of no changes says so', () => {
  const page = parse({});
  const [main] = withTag(page, 'main');
  expect(main === undefined ? [] : withTag(main, 'p').map(textOf)).toEqual(['Nothing here needs attention.', 'Nothing changed.']);
  expect(['nav', 'form', 'script'].flatMap((tag) => withTag(page, tag))).toEqual([]);
});

test('findings are ordered by risk, and those without risk are closed', () => {
  const findings = [
    finding({ risk: 'none', what: 'caches', count: 1200 }),
    finding({ what: 'file', ofPackages: 1 }),
    finding({ risk: 'high', what: 'programs', count: 4, ofPackages: 3, items: ['a', 'b/', 'b/', 'b/'] }),
  ];
  const page = parse({ report: { summary: '', findings }, changes: [added('a')] });
  expect(withTag(page, 'h3').map(textOf)).toEqual(['High risk 1 finding', 'Low risk 1 finding', 'No risk 1 finding']);
  expect(withClass(page, 'findings').map((list) => withTag(list, 'h4').map(textOf))).toEqual([
    ['4 programs (3 of packages)'],
    ['1 file (of a package)'],
    ['1,200 caches'],
  ]);
  expect(withClass(page, 'items').map(textOf)).toEqual(['ab/ (3 files)']);
  expect(withTag(withClass(page, 'none')[0] ?? page, 'details').map(({ attributes }) => attributes)).toEqual([{}]);
  const [nav] = withTag(page, 'nav');
  expect(nav === undefined ? [] : withTag(nav, 'a').map((link) => [textOf(link), link.attributes['href']])).toEqual([
    ['1 high risk', '#high'],
    ['1 low risk', '#low'],
    ['1 change', '#changes'],
  ]);
});

test('of many items those that always are shown and five more are seen at once', () => {
  const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `item-${index}`);
  const shown = (count: number, inFull: number): readonly [seen: number, folded: number, note: string] => {
    const items = names(count);
    const page = parse({ report: { summary: '', findings: [finding({ items, inFull, paths: items })] } });
    const [list] = withClass(page, 'items');
    const [details] = withTag(page, 'details');
    const folded = details === undefined ? [] : withTag(details, 'li');
    return [(list?.children.length ?? 0) - (details === undefined ? 0 : 1), folded.length, details === undefined ? '' : textOf(details)];
  };
  expect(shown(5, 0)).toEqual([5, 0, '']);
  expect(shown(6, 0)).toEqual([6, 0, '']);
  expect(shown(7, 0)).toEqual([5, 2, '2 moreitem-5item-6']);
  expect(shown(9, 3).slice(0, 2)).toEqual([9, 0]);
  expect(shown(12, 3).slice(0, 2)).toEqual([8, 4]);
  const [seen, folded, note] = shown(1300, 0);
  expect([seen, folded, note.replace(/item.*item-\d{3}/, ' ... ')]).toEqual([5, 196, '1,295 more ... and 1,100 more']);
});

test('an item of a finding leads to its change, if the page has it, also from where a file was before', () => {
  const moved = change('new', ['added', 'deleted'], fileState(), fileState(), { movedFrom: 'old' });
  const page = parse({
    report: {
      summary: '',
      findings: [finding({ items: ['x', 'y', 'old'], paths: ['etc/x', 'gone', 'old'] }), finding({ paths: ['a', 'a'] })],
    },
    changes: [deleted('a'), added('etc/x'), moved],
  });
  expect(
    withClass(page, 'items').map((list) =>
      withTag(list, 'li').map((item) => [textOf(item), withTag(item, 'a').map(({ attributes }) => attributes['href'])]),
    ),
  ).toEqual([
    [
      ['x', ['#c1']],
      ['y', []],
      ['old', ['#c2']],
    ],
    [['/a', ['#c0']]],
  ]);
  expect(
    elementsOf(page)
      .filter(({ attributes }) => attributes['id'] === 'c1')
      .map(textOf),
  ).toEqual(['x added 100 bytesNowfile, mode 644, owner root:root, 100 bytes, 2026-01-02 03:04:05 UTC']);
});

test('directories with nothing but many additions are closed', () => {
  const many = Array.from({ length: 30 }, (_, index) => added(`usr/share/doc/${index}`));
  const isOpen = (page: HtmlElement): boolean => 'open' in (withTag(withClass(page, 'tree')[0] ?? page, 'details')[0]?.attributes ?? {});
  expect(isOpen(parse({ changes: many }))).toBe(false);
  expect(isOpen(parse({ changes: many.slice(10) }))).toBe(true);
  expect(isOpen(parse({ changes: [...many, deleted('usr/share/doc/x')] }))).toBe(true);
});

test('directories with one directory in them are one item, unless they changed themselves', () => {
  const names = (changes: Page['changes']): readonly string[] => withClass(parse({ changes }), 'n').map(textOf);
  expect(names([added('a/b/c/d'), added('a/b/c/e')])).toEqual(['a/b/c/', 'd', 'e']);
  expect(names([added('a/b', { kind: 'directory' }), added('a/b/c/d')])).toEqual(['a/', 'b/', 'c/', 'd']);
});

test('a path of a thousand directories is not nested as deeply', () => {
  const page = parse({
    changes: [
      added(Array.from({ length: 1000 }, (_, index) => (index % 2 === 0 ? 'a' : 'b')).join('/')),
      added('a/x'),
      ...Array.from({ length: 999 }, (_, index) => added(`${'a/b/'.repeat(index % 400)}z${index}`)),
    ],
  });
  const depthOf = (node: HtmlElement): number =>
    1 + Math.max(0, ...node.children.map((child) => (typeof child === 'string' ? 0 : depthOf(child))));
  expect(depthOf(page)).toBeLessThan(400);
  expect(withTag(page, 'li').filter(({ attributes }) => attributes['class'] === 'A').length).toBe(1002);
});

test('more changes than a page has room for are left out, plain additions first', () => {
  const changes = [added('a'), added('b'), deleted('c'), added('d'), deleted('e')];
  const shown = (mostChanges: number): readonly string[] => {
    const page = parse({ changes, mostChanges });
    return [
      ...withTag(page, 'p')
        .map(textOf)
        .filter((text) => text.includes('left out')),
      ...withClass(page, 'n').map(textOf),
    ];
  };
  expect(shown(5)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(shown(3)).toEqual(['2 changes are left out, because the page would be too large.', 'a', 'c', 'e']);
  expect(shown(1)).toEqual(['4 changes are left out, because the page would be too large.', 'c']);
});

test('a page of 10,000 changes has less than 4 MB', () => {
  const changes = Array.from({ length: 10_000 }, (_, index) => {
    const path = `usr/lib/python3/dist-packages/package-${index % 100}/module-${index}.py`;
    return index % 2 === 0
      ? added(path, { sizeBytes: index * 100 })
      : change(path, ['content', 'mode'], fileState(), fileState({ mode: 0o755, sizeBytes: index }));
  });
  expect(render({ changes }).length).toBeLessThan(4_000_000);
});

test('patches have room for 20,000 lines, and those after them are mentioned', () => {
  const text = (letter: string): Uint8Array => Buffer.from(`${letter}\n`.repeat(6000));
  const diff = diffTexts(text('a'), text('b'));
  const changes = ['x', 'y'].map((path) => change(path, ['content'], fileState(), fileState()));
  const page = parse({ changes, patches: new Map(changes.map(({ path }) => [path, diff])) });
  expect(withTag(page, 'pre').length).toBe(1);
  expect(
    withTag(page, 'dd')
      .map(textOf)
      .filter((words) => words.includes('room')),
  ).toEqual(['The page has no room for 12,000 lines of difference.']);
});

test('of a very long line so much is shown that one sees what it is', () => {
  const diff = diffTexts(Buffer.from(`${'x'.repeat(3500)}\n`), Buffer.from('y'.repeat(2000)));
  const page = parse({ changes: [change('x', ['content'], fileState(), fileState())], patches: new Map([['x', diff]]) });
  const [pre] = withTag(page, 'pre');
  expect(pre?.children.map((line) => textOf(line).replace(/x+|y+$/, (run) => `${run.slice(0, 1)}{${run.length}}`))).toEqual([
    'line 1',
    '-x{2000}',
    'and 1,500 more bytes of this line',
    '+y{2000}',
    'no newline at the end',
  ]);
});

test('the page of every kind of change is the golden page', async () => {
  const before = Buffer.from('root:x:0:0::/root:/bin/sh\n');
  const after = Buffer.from('root::0:0::/root:/bin/sh\nmallory:x:0:0::/:</pre><script>');
  const patches = new Map([
    ['etc/passwd', diffTexts(before, after)],
    ['usr/bin/sh', { kind: 'binary' } as const],
    ['usr/bin/ping', { kind: 'too-different' } as const],
  ]);
  const findings = [
    finding({
      risk: 'high',
      category: 'rights',
      what: 'set-uid program',
      count: 1,
      items: ['helper'],
      paths: ['usr/local/bin/helper'],
      why: 'Whoever starts it gets the rights of its owner.',
    }),
    finding({ risk: 'none', category: 'noise', what: 'caches', count: 212, why: 'They are made again.' }),
  ];
  const report = { summary: '1 set-uid program; 212 files under /var/cache are left out.', findings };
  const page = render({ changes: sampleChanges, report, patches });
  await expect(page.replace(style, '').replace(script, '')).toMatchFileSnapshot('../../../golden/changes/page.html');
});

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
  const [main] = withTag(parse({}), 'main');
  expect(
    main === undefined
      ? []
      : withTag(main, 'p')
          .filter(({ attributes }) => attributes['class'] === undefined)
          .map(textOf),
  ).toEqual(['Nothing here needs attention.', 'Expand allCollapse all ', 'Nothing changed.']);
});

test('findings are ordered by risk, and those without risk are apart', () => {
  const findings = [
    finding({ risk: 'none', what: 'caches', count: 1200 }),
    finding({ what: 'file' }),
    finding({ risk: 'high', what: 'programs', count: 4, items: ['a', 'b/', 'b/', 'b/'] }),
  ];
  const page = parse({ report: { summary: '', findings } });
  expect(withClass(page, 'findings').map((list) => withTag(list, 'li').map(textOf))).toEqual([
    ['high risk 4 programsa, b/ (3 files)Because.', 'low risk 1 fileBecause.'],
    ['no risk 1,200 cachesBecause.'],
  ]);
});

test('a path of a finding leads to its change, if the page has it', () => {
  const page = parse({
    report: { summary: '', findings: [finding({ paths: ['etc/x', 'gone'] })] },
    changes: [deleted('a'), added('etc/x')],
  });
  const [list] = withClass(page, 'paths');
  expect(
    list?.children.map((item) =>
      typeof item === 'string'
        ? []
        : [textOf(item), item.children.map((child) => (typeof child === 'string' ? '' : child.attributes['href']))],
    ),
  ).toEqual([
    ['/etc/x', ['#c1']],
    ['/gone', ['']],
  ]);
  expect(
    elementsOf(page)
      .filter(({ attributes }) => attributes['id'] === 'c1')
      .map(textOf),
  ).toEqual(['added x 100 bytesNowfile, mode 644, owner root:root, 100 bytes, 2026-01-02 03:04:05 UTC']);
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
  ).toEqual(['The page has no room for 12000 lines of difference.']);
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

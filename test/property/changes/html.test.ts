import fc from 'fast-check';
import { expect, test } from 'vitest';

import { countOf, packagesNote, risks, shownItems } from '../../../src/changes/finding.ts';
import { renderHtml } from '../../../src/changes/render/html/page.ts';
import { script } from '../../../src/changes/render/html/script.ts';
import { style } from '../../../src/changes/render/html/style.ts';
import { diffTexts } from '../../../src/changes/render/text-diff.ts';
import { showAbsolutePath } from '../../../src/changes/show-path.ts';
import { describe } from '../../../src/changes/words.ts';
import { dangerousCharacters, escapeCharacter } from '../../../src/json.ts';
import { anyChange, anyPath, hostileTexts } from '../../rig/any-change.ts';
import { elementsOf, type HtmlElement, parseHtml, textOf, withClass } from '../../rig/parse-html.ts';
import { unquote } from '../../rig/unquote.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...hostileTexts.map((each) => Buffer.from(each, 'latin1').toString())),
);
const anyFinding = fc.record({
  rule: anyText,
  category: anyText,
  risk: fc.constantFrom(...risks),
  count: fc.nat(1000),
  what: fc.string(),
  ofPackages: fc.nat(10),
  inFull: fc.nat(10),
  items: fc.array(anyText, { maxLength: 3 }),
  paths: fc.array(anyPath, { maxLength: 3 }),
  why: anyText,
});
const anyContent = fc.oneof(
  fc.array(anyText, { maxLength: 5 }).map((lines) => Buffer.from(lines.join('\n'))),
  fc.uint8Array({ maxLength: 40 }),
);
const anyPage = fc.record({
  title: anyText,
  report: fc.record({ summary: anyText, findings: fc.array(anyFinding, { maxLength: 3 }) }),
  changes: fc.uniqueArray(anyChange, { maxLength: 8, selector: ({ path }) => path }),
  contents: fc.array(fc.tuple(anyContent, anyContent), { maxLength: 8 }),
});

/** What a page shows of a text. */
const shown = (text: string): string =>
  text.replaceAll(dangerousCharacters, (character) => (character === '\t' ? character : escapeCharacter(character)));

test('whatever names, contents and findings are, the page shows them as text and has no other elements', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(anyPage, ({ title, report, changes, contents }) => {
      const diffs = contents.map(([before, after]) => diffTexts(before, after));
      const patches = new Map(changes.flatMap(({ path }, index) => (diffs[index] === undefined ? [] : [[path, diffs[index]] as const])));
      const page = parseHtml([...renderHtml({ title, report, changes, patches })].join(''));
      const elements = elementsOf(page);
      const texts = (tag: string): readonly string[] => elements.filter((element) => element.tag === tag).map(textOf);

      expect(new Set(elements.flatMap(problemsOf))).toEqual(new Set());
      expect(texts('script')).toEqual(changes.length === 0 ? [] : [script]);
      expect(texts('style')).toEqual([style]);
      const about = elements.filter((element) => element.attributes['name'] === 'description');
      expect([texts('title'), texts('h1'), about.map((element) => element.attributes['content'])]).toEqual([
        [shown(title)],
        [shown(title)],
        [shown(report.summary)],
      ]);

      const found = changesIn(page);
      expect(new Map(found.map(({ path, words }) => [path, words]))).toEqual(
        new Map(
          changes.map((change) => [
            change.path,
            describe(change)
              .map(({ text }) => shown(text))
              .join(', '),
          ]),
        ),
      );
      expect(found.length).toBe(changes.length);

      const byRisk = risks.flatMap((risk) => report.findings.filter((finding) => finding.risk === risk));
      expect(texts('h4')).toEqual(byRisk.map((finding) => shown(countOf(finding)) + packagesNote(finding)));
      const items = (finding: HtmlElement): readonly string[] => withClass(finding, 'items').flatMap((list) => list.children.map(textOf));
      expect(withClass(page, 'findings').flatMap((list) => elementsIn(list, 'li').map(items))).toEqual(
        byRisk.map((finding) =>
          finding.items.length > 0 ? shownItems(finding).map(shown) : [...new Set(finding.paths)].map(showAbsolutePath),
        ),
      );
    }),
    { numRuns: Number(process.env['ISOLATE_TEST_RUNS'] ?? 40) },
  );
});

test('the page shows the lines of every patch', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(anyChange, anyContent, anyContent, (change, before, after) => {
      const diff = diffTexts(before, after);
      const page = parseHtml(
        [
          ...renderHtml({ title: '', report: { summary: '', findings: [] }, changes: [change], patches: new Map([[change.path, diff]]) }),
        ].join(''),
      );
      const lines = elementsOf(page)
        .filter(({ tag }) => tag === 'pre')
        .flatMap((pre) => pre.children.map((child) => (typeof child === 'string' || child.tag === 'i' ? '' : textOf(child))))
        .filter((line) => line !== '');
      const expected =
        diff.kind === 'text'
          ? diff.hunks.flatMap((hunk) => hunk.lines.map(({ sign, text }) => sign + shown(Buffer.from(text, 'latin1').toString())))
          : [];
      expect(lines).toEqual(expected);
    }),
    { numRuns: Number(process.env['ISOLATE_TEST_RUNS'] ?? 40) },
  );
});

const tags = new Set(
  'html head meta title style body a header div h1 h2 h3 h4 p ul ol li nav main section form label input fieldset legend button span strong b details summary dl dt dd pre i ins del footer script'.split(
    ' ',
  ),
);
const attributes = new Set(
  'lang charset http-equiv content name class href id aria-label aria-labelledby tabindex role hidden type autocomplete spellcheck value checked open'.split(
    ' ',
  ),
);

/** What no page has, whatever it shows. */
function problemsOf(element: HtmlElement): readonly string[] {
  const names = Object.keys(element.attributes);
  return [
    ...(tags.has(element.tag) ? [] : [`<${element.tag}>`]),
    ...names.filter((name) => !attributes.has(name)),
    ...('href' in element.attributes && !/^#(?:high|medium|low|changes|c\d+)$/.test(element.attributes['href'] ?? '')
      ? [`href ${element.attributes['href']}`]
      : []),
  ];
}

/** The changes of the tree, with their whole paths and what is said of each. */
function changesIn(node: HtmlElement, above = ''): readonly { readonly path: string; readonly words: string }[] {
  const isTree = node.attributes['class'] === 'tree';
  if (above === '' && !isTree) {
    const [tree] = withClass(node, 'tree');
    return tree === undefined ? [] : changesIn(tree);
  }
  return elementsIn(node, 'li').flatMap((item) => {
    const [details] = elementsIn(item, 'details');
    const [summary] = details === undefined ? [] : elementsIn(details, 'summary');
    if (details === undefined || summary === undefined) throw new Error('An item has no summary.');
    const path = above + pathOf(textOf(withClass(summary, 'n')[0] ?? '').replace(/\/$/, ''));
    const words = withClass(summary, 'w').map(textOf).join('');
    const own = item.attributes['class'] === undefined ? [] : [{ path, words }];
    return [...own, ...elementsIn(details, 'ul').flatMap((list) => changesIn(list, `${path}/`))];
  });
}

const elementsIn = (node: HtmlElement, tag: string): readonly HtmlElement[] =>
  node.children.filter((child) => typeof child !== 'string').filter((child) => child.tag === tag);

const pathOf = (text: string): string => unquote(Buffer.from(text).toString('latin1'));

import { describe, expect, test } from 'vitest';

import { rules } from '../../../../src/changes/report/rules.ts';
import { added, all, change, deleted, directory, edited, itemsOf, link, of, onlyText, reportOf, stanza, text } from './make-changes.ts';
import { ruleCases } from './rule-cases.ts';

test('every rule has a case that triggers it and one that almost does', () => {
  expect(Object.keys(ruleCases).toSorted()).toEqual(rules.map(({ id }) => id).toSorted());
});

test('no two rules have the same id', () => {
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
});

test('a package that claims a file cannot hide it from a rule of high risk', () => {
  expect(rules.filter(({ risk, general }) => risk === 'high' && general === true)).toEqual([]);
});

test('what a rule counts and why it matters is said in words without a comma or a full stop too many', () => {
  for (const { what, why } of rules) {
    expect(what.join(' ')).not.toMatch(/[,;.]/);
    expect(why).toMatch(/^\S[^.]*(?:\.\S[^.]*)*\.$/);
  }
});

/** A pattern without braces for each choice in them. */
function withoutBraces(pattern: string): readonly string[] {
  const [, start = '', choices, end = ''] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(pattern) ?? [];
  return choices === undefined ? [pattern] : choices.split(',').flatMap((choice) => withoutBraces(`${start}${choice}${end}`));
}

/** A path that a pattern fits, with a name that ends as the rule may want. */
function pathOf(pattern: string, name: string): string {
  return pattern.replaceAll('**', `z/${name}`).replaceAll('*', name);
}

test('no rule hides a pattern of a later one', () => {
  const rows = rules.flatMap(({ id, match }) =>
    match.by === 'path' ? match.paths.flatMap(withoutBraces).map((pattern) => ({ id, pattern })) : [],
  );
  const names = ['q', 'q.service', '.q'];
  const makers = [
    (path: string) => added(path),
    (path: string) => edited(path, { mode: 0o755 }),
    (path: string) => edited(path, { sizeBytes: 2 }, { sizeBytes: 1 }),
    (path: string) => change(path, ['mode'], {}, { mode: 0o700 }),
    (path: string) => deleted(path),
    (path: string) => directory(path),
    (path: string) => link(path, '/dev/null'),
    (path: string) => link(path, '/etc/alternatives/x'),
    (path: string) => link(path, '/usr/share/ca-certificates/x'),
    (path: string) => link(path, '/usr/local/lib/node_modules/x/y'),
  ];
  const found = new Set<string>();
  for (const make of makers) {
    const paths = new Set(rows.flatMap(({ pattern }) => names.map((name) => pathOf(pattern, name))));
    for (const finding of reportOf(of(...[...paths].map(make))).findings)
      for (const path of finding.paths) found.add(`${finding.rule} ${path}`);
  }
  expect(rows.filter(({ id, pattern }) => !names.some((name) => found.has(`${id} ${pathOf(pattern, name)}`)))).toEqual([]);
});

test.each(rules.filter(({ general }) => general === true).map(({ id }) => id))(
  'the rule %s leaves the files of a package to the package',
  (id) => {
    const triggers = ruleCases[id]?.triggers ?? of();
    const list = triggers.changes.map(({ path }) => `/${path}\n`).join('');
    const owned = all(
      triggers,
      onlyText('var/lib/dpkg/info/owner.list', list, list),
      text('var/lib/dpkg/status', stanza('owner', '1'), stanza('owner', '2')),
    );
    expect(triggers.changes.length).toBeGreaterThan(0);
    const paths = reportOf(owned).findings.flatMap((finding) => (finding.rule === id ? finding.paths : []));
    expect(paths.filter((path) => path !== 'var/lib/dpkg/status')).toEqual([]);
  },
);

describe.each(Object.entries(ruleCases))('the rule %s', (id, { triggers, items, almost }) => {
  test('finds what triggers it', () => {
    expect(itemsOf(triggers)[id]).toEqual(items);
  });

  test('does not find what almost triggers it', () => {
    expect(Object.keys(itemsOf(almost))).not.toContain(id);
  });
});

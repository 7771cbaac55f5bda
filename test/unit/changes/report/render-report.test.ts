import { describe, expect, test } from 'vitest';

import { renderChangeReport } from '../../../../src/changes/report/render-report.ts';
import { added, all, type Case, change, deleted, directory, of, onlyText, reportOf, stanza, text } from './make-changes.ts';

function render(given: Case, mostItems = 2, showsAll = false): string {
  return renderChangeReport(reportOf(given), { mostItems, all: showsAll, saysAll: true });
}

describe('a report as text', () => {
  test('has its sentence, then the findings of each risk with their reasons', () => {
    expect(render(all(text('etc/hosts', '', '10.0.0.1 example.org\n'), of(added('etc/x'), added('opt/a'), added('tmp/x'))))).toBe(
      `1 line of /etc/hosts, 1 file of /etc changed, 1 other file; 1 temporary file left out (--all).

Medium risk
  1 line of /etc/hosts
    The line sends connections to a name to the address that it gives.
      /etc/hosts: 10.0.0.1 example.org

Low risk
  1 file of /etc changed
    The file is a setting of a program, and no other rule knows it.
      /etc/x
  1 other file
    No other rule knows the file.
      /opt/a
`,
    );
  });

  test('shows what is left out if all is wanted', () => {
    expect(render(of(...['a', 'b', 'c', 'd', 'e'].map((name) => added(`tmp/${name}\xff`))), 2, true)).toBe(
      String.raw`Nothing that matters changed; 5 temporary files left out.

No risk
  5 temporary files
    Programs leave such files behind and do not need them again.
      "/tmp/a\377"
      "/tmp/b\377"
      "/tmp/c\377"
      "/tmp/d\377"
      "/tmp/e\377"
`,
    );
  });

  test('shows some items of a long list, and a directory for all that is in it', () => {
    const lines = render(
      of(...Array.from({ length: 1200 }, (_, at) => added(`opt/${at}`)), directory('opt/d'), added('opt/d/1'), added('opt/d/2')),
    ).split('\n');
    expect(lines.slice(3)).toEqual([
      '  1,202 other files',
      '    No other rule knows the file.',
      '      /opt/0',
      '      /opt/1',
      '      and 1,199 more (--all)',
      '',
    ]);
    expect(render(of(added('opt/x'), directory('opt/d'), added('opt/d/1'), added('opt/d/2')))).toContain(
      '      /opt/x\n      /opt/d/ (2 files)\n',
    );
  });

  test('says how many files were in a deleted directory', () => {
    expect(render(of(deleted('opt/d', { kind: 'directory' }), deleted('opt/d/1'), deleted('opt/d/2')))).toContain(
      '      /opt/d/ (deleted, 3 files)\n',
    );
  });

  test('shows an item rather than that there is one more', () => {
    expect(render(of(added('opt/1'), added('opt/2'), added('opt/3')))).toContain('      /opt/1\n      /opt/2\n      /opt/3\n');
  });

  test('always shows what was deleted, has another type or owner, or has special rights', () => {
    const many = (make: (name: string) => ReturnType<typeof added>) => Array.from({ length: 20 }, (_, at) => make(`x${at}`));
    const shown = render(
      of(
        ...many((name) => deleted(`opt/${name}`)),
        ...many((name) => deleted(`etc/profile.d/${name}`)),
        ...many((name) => added(`usr/bin/${name}`, { mode: 0o4755 })),
        ...many((name) => change(`srv/${name}`, ['owner'], {}, { uid: 5 })),
        ...many((name) => change(`mnt/${name}`, ['type'], {}, { kind: 'pipe' })),
      ),
      0,
    );
    expect(shown).not.toContain('more (--all)');
    expect(shown.match(/^ {6}\//gm)).toHaveLength(100);
  });

  test('says which files are of packages', () => {
    const list = onlyText(
      'var/lib/dpkg/info/a.list',
      null,
      '/etc/profile.d/a.sh\n/etc/nsswitch.conf\n/etc/environment\n/etc/environment.d/b\n',
    );
    const shown = render(
      all(
        text('var/lib/dpkg/status', '', stanza('a', '1')),
        list,
        of(...['profile.d/a.sh', 'profile.d/b.sh', 'nsswitch.conf', 'environment'].map((name) => added(`etc/${name}`))),
      ),
    );
    expect(shown.match(/^ {2}\d.*$/gm)).toEqual([
      '  1 source of user and host names (of a package)',
      '  1 file with variables for all users (of a package)',
      "  2 start files of all users' shells (1 of packages)",
      '  1 package installed',
    ]);
  });

  test('cuts what is too long for a line', () => {
    const shown = render(text('etc/cron.d/x', null, `1 1 * * * root ${'x'.repeat(5000)}\n`));
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBe(206);
    expect(shown).toContain('xxx…\n');
  });
});

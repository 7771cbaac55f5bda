import { describe, expect, test } from 'vitest';

import { makeReport } from '../../../../src/changes/report/report.ts';
import { rules } from '../../../../src/changes/report/rules.ts';
import { textsWanted } from '../../../../src/changes/report/texts-wanted.ts';
import {
  added,
  all,
  change,
  countsOf,
  deleted,
  directory,
  edited,
  itemsOf,
  link,
  of,
  onlyText,
  reportOf,
  stanza,
  text,
} from './make-changes.ts';

const nginx = all(
  text('var/lib/dpkg/status', stanza('dash', '1'), stanza('dash', '1') + stanza('nginx', '1.22.1-9')),
  onlyText(
    'var/lib/dpkg/info/nginx.list',
    null,
    '/.\n/etc\n/etc/nginx\n/etc/nginx/nginx.conf\n/usr/sbin/nginx\n/lib/systemd/system/nginx.service\n',
  ),
  of(
    directory('etc/nginx'),
    added('etc/nginx/nginx.conf'),
    added('usr/sbin/nginx', { mode: 0o755 }),
    added('usr/lib/systemd/system/nginx.service'),
    link('etc/systemd/system/multi-user.target.wants/nginx.service', '/lib/systemd/system/nginx.service'),
    added('var/lib/dpkg/info/nginx.list'),
    added('var/log/nginx/access.log'),
    added('var/cache/apt/pkgcache.bin'),
  ),
);

describe('a report', () => {
  test('says what happened in one sentence, the riskiest first', () => {
    expect(reportOf(all(nginx, of(added('usr/bin/x', { mode: 0o4755 }), edited('etc/motd')))).summary).toBe(
      '1 set-uid program of root (/usr/bin/x), 1 package installed (nginx 1.22.1-9), 1 service enabled at boot (nginx), 1 file of /etc changed; 5 files of packages and 3 files such as caches and logs left out.',
    );
  });

  test('has whole findings', () => {
    expect(reportOf(text('etc/sudoers.d/ada', null, 'ada ALL=(ALL) ALL\n')).findings).toEqual([
      {
        rule: 'sudoers',
        category: 'access',
        risk: 'high',
        count: 1,
        what: 'rule of sudo or doas',
        items: ['/etc/sudoers.d/ada: ada ALL=(ALL) ALL'],
        ofPackages: 0,
        inFull: 1,
        paths: ['etc/sudoers.d/ada'],
        why: 'These rules say who can run commands as root, and whether they need a password.',
      },
    ]);
  });

  test('of nothing says so', () => {
    expect(reportOf(of())).toEqual({ summary: 'Nothing changed.', findings: [] });
  });

  test('of caches alone says that nothing matters', () => {
    expect(reportOf(of(added('var/cache/a'), added('var/cache/b'))).summary).toBe(
      'Nothing that matters changed; 2 files of caches left out.',
    );
  });

  test('names no more than ten findings in its sentence, but always the packages', () => {
    const etc = [
      'profile',
      'environment',
      'nsswitch.conf',
      'nftables.conf',
      'modules',
      'inittab',
      'default/grub',
      'pam.d/x',
      'dpkg/x',
      'ssh/sshd_config',
      'fstab.d',
      'polkit-1/x',
      'ssl/cert.pem',
    ];
    const { summary, findings } = reportOf(all(nginx, of(...etc.map((name) => added(`etc/${name}`)))));
    const listed = findings.filter(({ risk }) => risk !== 'none');
    expect(summary.split(';')[0]?.split(', ')).toHaveLength(11);
    expect(summary).toContain(`1 package installed (nginx 1.22.1-9), ${listed.length - 10} more findings`);
  });

  test('orders findings by risk, and then by the table', () => {
    const found = reportOf(
      all(nginx, of(edited('etc/motd'), added('etc/profile'), deleted('opt/x'), added('opt/y', { mode: 0o4755 }))),
    ).findings;
    expect(found.map(({ risk, rule }) => `${risk} ${rule}`)).toEqual([
      'high set-uid-root',
      'high shell-start',
      'medium package-installed',
      'medium service-enabled',
      'medium file-deleted',
      'low etc-changed',
      'none log',
      'none package-files',
      'none package-record',
      'none cache',
    ]);
  });
});

describe('a file', () => {
  test('of a package that was installed counts as one, not as a file of /etc or a program', () => {
    expect(countsOf(nginx)).toEqual({
      'package-installed': 1,
      'service-enabled': 1,
      log: 1,
      'package-files': 5,
      'package-record': 1,
      cache: 1,
    });
  });

  test('of a package counts nevertheless if it is risky by itself, and says that it is of a package', () => {
    const list = onlyText('var/lib/dpkg/info/sudo.list', null, '/usr/bin/sudo\n/etc/sudoers\n/etc/pam.d/sudo\n/etc/cron.d/sudo\n');
    const found = reportOf(
      all(
        text('var/lib/dpkg/status', '', stanza('sudo', '1')),
        list,
        text('etc/sudoers', null, '%sudo ALL=(ALL:ALL) ALL\n'),
        text('etc/cron.d/sudo', null, '1 1 * * * root x\n'),
        of(added('usr/bin/sudo', { mode: 0o4755 }), added('etc/pam.d/sudo'), added('etc/pam.d/other')),
      ),
    ).findings;
    expect(Object.fromEntries(found.map(({ rule, count, ofPackages }) => [rule, [count, ofPackages]]))).toEqual({
      'set-uid-root': [1, 1],
      sudoers: [1, 1],
      'package-installed': [1, 0],
      'cron-entry': [1, 1],
      'pam-added': [2, 1],
      'package-record': [1, 0],
    });
  });

  test('that no package has comes before those of packages', () => {
    const names = Array.from({ length: 30 }, (_, at) => `lib/systemd/system-generators/g${at}`);
    const { findings } = reportOf(
      all(
        text('var/lib/dpkg/status', '', stanza('systemd', '1')),
        onlyText('var/lib/dpkg/info/systemd.list', null, names.map((name) => `/${name}\n`).join('')),
        of(...names.map((name) => added(`usr/${name}`)), added('usr/lib/systemd/system-generators/z')),
      ),
    );
    expect(findings[0]).toMatchObject({ rule: 'service-generator', count: 31, ofPackages: 30 });
    expect(findings[0]?.items[0]).toBe('/usr/lib/systemd/system-generators/z');
  });

  test('is not of a package that did not change, whatever its list says', () => {
    const list = onlyText('var/lib/dpkg/info/dash.list', '/usr/bin/dash\n', '/usr/bin/dash\n/usr/bin/evil\n');
    expect(
      itemsOf(all(text('var/lib/dpkg/status', stanza('dash', '1'), `${stanza('dash', '1')}\n`), list, of(added('usr/bin/evil')))),
    ).toEqual({
      'program-added': ['/usr/bin/evil'],
      'package-record': [],
    });
  });

  test('that was deleted is of a removed package only by the list of the template', () => {
    const status = text('var/lib/dpkg/status', stanza('dash', '1'), '');
    const list = onlyText('var/lib/dpkg/info/dash.list', '/usr/bin/dash\n', '/usr/bin/dash\n/home/ada/thesis\n');
    expect(itemsOf(all(status, list, of(deleted('usr/bin/dash'), deleted('home/ada/thesis'))))).toEqual({
      'package-removed': ['dash 1'],
      'file-deleted': ['/home/ada/thesis (deleted)'],
      'package-files': [],
      'package-record': [],
    });
  });

  test('that was moved is gone at one place and new at the other', () => {
    const moved = { ...change('usr/local/bin/x', ['added'], {}, {}), movedFrom: 'opt/x' };
    expect(itemsOf(of(moved))).toEqual({ 'file-deleted': ['/opt/x (deleted)'], 'program-added': ['/usr/local/bin/x'] });
  });

  test('in a directory that is new as a whole is shown by the directory', () => {
    expect(
      itemsOf(of(directory('opt/a'), directory('opt/a/b'), added('opt/a/b/1'), added('opt/a/b/2'), directory('opt/c'), added('opt/c/1'))),
    ).toEqual({
      'other-file': ['/opt/a/', '/opt/a/', '/opt/c/1'],
      directory: [],
    });
  });

  test('below /lib counts as one below /usr/lib', () => {
    const found = (top: string) =>
      Object.keys(itemsOf(of(added(`${top}lib/udev/rules.d/x`), added(`${top}sbin/init`), added(`${top}lib64/ld-linux-x86-64.so.2`))));
    expect(found('')).toEqual(['c-library', 'init', 'udev-rule']);
    expect(found('usr/')).toEqual(found(''));
  });
});

describe('a directory', () => {
  test('that was deleted counts with all that was in it, unless it was a cache', () => {
    const gone = (path: string) => deleted(path, { kind: 'directory' });
    expect(
      itemsOf(of(gone('opt/a'), deleted('opt/a/x'), gone('usr/lib/python3/__pycache__'), deleted('usr/lib/python3/__pycache__/x.pyc'))),
    ).toEqual({
      'file-deleted': ['/opt/a/ (deleted)', '/opt/a/ (deleted)'],
      cache: [],
    });
  });
});

describe('a text', () => {
  test('that is needed and missing is a finding of high risk', () => {
    expect(itemsOf(of(edited('etc/passwd'), edited('var/lib/dpkg/status'), added('etc/cron.d/x'), edited('etc/motd')))).toEqual({
      unread: ['/etc/passwd', '/var/lib/dpkg/status', '/etc/cron.d/x'],
      'etc-changed': ['/etc/motd'],
    });
  });

  test('in place of which there is a link is shown as the link', () => {
    expect(itemsOf(of(link('etc/cron.d/x', '/home/x\x1b')))).toEqual({ 'cron-entry': [String.raw`/etc/cron.d/x → "/home/x\033"`] });
  });

  test('that was deleted tells what was in it', () => {
    expect(itemsOf(text('etc/cron.d/x', '1 1 * * * root x\n', null))).toEqual({
      'cron-entry': ['/etc/cron.d/x: 1 1 * * * root x (removed)'],
    });
  });

  test('cannot give commands to a terminal', () => {
    expect(itemsOf(text('etc/cron.d/x', null, '1 1 * * * root \x1b[2J\u202e\n'))).toEqual({
      'cron-entry': [String.raw`/etc/cron.d/x: 1 1 * * * root \033[2J\342\200\256`],
    });
  });
});

describe('the texts that are wanted', () => {
  test('are those that the rules and the packages need', () => {
    const wanted = textsWanted([
      edited('etc/passwd'),
      change('etc/group', ['mode'], {}, { mode: 0o600 }),
      edited('etc/motd'),
      edited('var/lib/dpkg/status'),
      added('var/lib/dpkg/info/nginx.postinst'),
      added('var/lib/dpkg/info/libc6:amd64.md5sums'),
      added('usr/lib/python3/dist-packages/x-1.dist-info/METADATA'),
      added('usr/lib/node_modules/@a/b/package.json'),
      directory('etc/cron.d/x'),
      { ...change('etc/cron.d/new', ['added'], {}, {}), movedFrom: 'etc/cron.d/old' },
    ]);
    expect(wanted.toSorted()).toEqual(
      [
        'etc/passwd',
        'etc/cron.d/new',
        'etc/cron.d/old',
        'var/lib/dpkg/status',
        'var/lib/apt/extended_states',
        'var/lib/dpkg/info/nginx.list',
        'var/lib/dpkg/info/libc6:amd64.list',
        'usr/lib/python3/dist-packages/x-1.dist-info/RECORD',
        'usr/lib/node_modules/@a/b/package.json',
      ].toSorted(),
    );
  });

  test('are bounded in number, so that many of one kind do not keep others out', () => {
    const many = Array.from({ length: 20_000 }, (_, at) => [
      added(`etc/cron.d/${at}`),
      added(`a/node_modules/${at}/package.json`),
      added(`var/lib/dpkg/info/p${at}.list`),
      added(`var/lib/dpkg/status.d/p${at}`),
    ]).flat();
    const wanted = textsWanted([...many, edited('etc/sudoers'), edited('var/lib/dpkg/status')]);
    expect(wanted.length).toBeLessThan(15_000);
    expect(wanted).toContain('etc/sudoers');
  });

  test('are found for each rule that needs one', () => {
    const needed = rules.flatMap(({ match }) => (match.by === 'text' ? match.paths : []));
    const examples = needed.map((pattern) =>
      pattern
        .replaceAll('**', 'x/y')
        .replaceAll('*', 'x')
        .replaceAll(/\{([^,}]*)[^}]*\}/g, '$1'),
    );
    expect(textsWanted(examples.map((path) => added(path))).toSorted()).toEqual([...new Set(examples)].toSorted());
  });
});

test('a report reads only the texts it is given', () => {
  const report = makeReport([edited('etc/motd')], new Map([['etc/passwd', { before: '', after: 'toor:x:0:0::/:/bin/sh\n' }]]));
  expect(report.findings.map(({ rule }) => rule)).toEqual(['etc-changed']);
});

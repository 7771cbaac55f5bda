import { expect, test } from 'vitest';

import { added, all, deleted, edited, itemsOf, link, of, onlyText, stanza, text } from './make-changes.ts';

/** The items of the rules about packages. */
function packagesOf(given: Parameters<typeof itemsOf>[0]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(itemsOf(given)).filter(([rule]) => rule.startsWith('package-') && rule !== 'package-record'));
}

test('packages that only others need come last and say so', () => {
  const states = 'Package: libb\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: nginx\nAuto-Installed: 0\n';
  expect(
    packagesOf(
      all(
        text('var/lib/dpkg/status', '', stanza('libb', '2') + stanza('nginx', '1')),
        onlyText('var/lib/apt/extended_states', null, states),
      ),
    ),
  ).toEqual({ 'package-installed': ['nginx 1', 'libb 2 (dependency)'] });
});

test('a directory status.d has a package in each file, with the sums of its files', () => {
  expect(
    packagesOf(
      all(
        text('var/lib/dpkg/status.d/base', null, 'Package: base-files\nVersion: 12\n'),
        onlyText('var/lib/dpkg/status.d/base.md5sums', null, '0123456789abcdef0123456789abcdef  usr/bin/x\n'),
        of(added('var/lib/dpkg/status.d/base.md5sums'), added('usr/bin/x')),
      ),
    ),
  ).toEqual({ 'package-installed': ['base-files 12'], 'package-files': [] });
});

test('apk lists its packages with their files', () => {
  const busybox = 'C:Q1\nP:busybox\nV:1.36.1-r0\nF:bin\nR:busybox\n\n';
  const nginx = 'P:nginx\nV:1.24-r1\nF:etc/nginx\nR:nginx.conf\nF:usr/sbin\nR:nginx\n\n';
  expect(
    packagesOf(
      all(
        text('lib/apk/db/installed', busybox, busybox + nginx),
        of(added('etc/nginx/nginx.conf'), added('usr/sbin/nginx'), edited('bin/busybox')),
      ),
    ),
  ).toEqual({ 'package-installed': ['nginx 1.24-r1'], 'package-files': [] });
});

test('pacman has a directory for each package', () => {
  const files = '%FILES%\nusr/\nusr/lib/libz.so.1\n';
  expect(
    packagesOf(
      all(
        of(deleted('var/lib/pacman/local/zlib-1:1.2-1/desc'), added('var/lib/pacman/local/zlib-1:1.3-2/desc'), edited('usr/lib/libz.so.1')),
        onlyText('var/lib/pacman/local/zlib-1:1.3-2/files', null, files),
      ),
    ),
  ).toEqual({ 'package-changed': ['zlib 1:1.2-1 → 1:1.3-2'], 'package-files': [] });
});

test('a Python package has its files and its programs', () => {
  const place = 'usr/local/lib/python3.11/dist-packages';
  expect(
    packagesOf(
      all(
        of(
          added(`${place}/black-24.1.dist-info/METADATA`),
          added(`${place}/black-24.1.dist-info/RECORD`),
          added(`${place}/black/a, b.py`),
          added('usr/local/bin/black'),
          added(`${place}/evil.py`),
        ),
        onlyText(
          `${place}/black-24.1.dist-info/RECORD`,
          null,
          '../../../bin/black,sha256=x,1\n"black/a, b.py",,\nblack-24.1.dist-info/METADATA,,\n',
        ),
      ),
    ),
  ).toEqual({ 'package-installed': ['black 24.1 (Python)'], 'package-files': [] });
});

test('a Python package with another version is one package that changed, in each place', () => {
  const info = (place: string, version: string) => `${place}/site-packages/six-${version}.dist-info/METADATA`;
  expect(packagesOf(of(deleted(info('a', '1.0')), added(info('a', '1.1')), added(info('b', '1.1'))))).toEqual({
    'package-changed': ['six 1.0 → 1.1 (Python)'],
    'package-installed': ['six 1.1 (Python)'],
  });
});

test('a package of a language that is part of a package of the system does not count', () => {
  const metadata = 'usr/lib/python3/dist-packages/six-1.16.dist-info/METADATA';
  expect(
    packagesOf(
      all(
        text('var/lib/dpkg/status', '', stanza('python3-six', '1.16-4')),
        onlyText('var/lib/dpkg/info/python3-six.list', null, `/${metadata}\n`),
        of(added(metadata)),
      ),
    ),
  ).toEqual({ 'package-installed': ['python3-six 1.16-4'], 'package-files': [] });
});

test('a package of Node.js has its directory, with the packages in it', () => {
  const top = 'usr/local/lib/node_modules';
  expect(
    packagesOf(
      all(
        text(`${top}/express/package.json`, null, '{"name":"other","version":"5.0.1"}'),
        text(`${top}/@a/b/package.json`, '{"version":"1"}', '{"version":"2"}'),
        text(`${top}/broken/package.json`, null, '{'),
        of(
          added(`${top}/express/node_modules/qs/package.json`),
          added(`${top}/express/node_modules/qs/index.js`),
          added(`${top}/.package-lock.json`),
        ),
      ),
    ),
  ).toEqual({
    'package-installed': ['express 5.0.1 (Node.js)', 'broken (Node.js)'],
    'package-changed': ['@a/b 1 → 2 (Node.js)'],
    'package-files': [],
  });
});

test('snaps, Flatpaks, gems and packages of conda are known by their paths', () => {
  expect(
    packagesOf(
      of(
        added('var/lib/snapd/snaps/core22_1234.snap'),
        link('var/lib/flatpak/app/org.gimp.GIMP/x86_64/stable/active', '0123'),
        added('usr/share/rubygems-integration/all/specifications/net-ssh-7.1.0.pre.1.gemspec'),
        added('opt/conda/conda-meta/numpy-base-1.26.4-py311_0.json'),
      ),
    ),
  ).toEqual({
    'package-installed': [
      'core22 1234 (snap)',
      'org.gimp.GIMP stable (Flatpak)',
      'net-ssh 7.1.0.pre.1 (Ruby)',
      'numpy-base 1.26.4 (conda)',
    ],
  });
});

test('a database that cannot be read does not make its packages look removed', () => {
  const { texts } = onlyText('var/lib/dpkg/status', stanza('dash', '1'), null);
  expect(itemsOf({ changes: [edited('var/lib/dpkg/status')], texts })).toEqual({ unread: ['/var/lib/dpkg/status'] });
});

import { expect, test } from 'vitest';

import { renderText } from '../../../../src/changes/render/text.ts';
import { added, change, deleted, directoryState, fileState, rawCapability } from '../../../rig/sample-changes.ts';

const directory = { kind: 'directory', mode: 0o755, sizeBytes: 4096 } as const;
const files = (path: string, count: number, mode = 0o644) =>
  Array.from({ length: count }, (_, index) => added(`${path}/${String(index).padStart(3, '0')}`, { mode }));
const render = (changes: Parameters<typeof renderText>[0], all = false): string =>
  renderText(changes, { colour: false, all, saysAll: true });

test('nothing that changed is no text', () => {
  expect(render([])).toBe('');
});

test('ten additions in a directory are shown, and eleven are counted', () => {
  expect(render(files('usr/bin', 10)).split('\n').length).toBe(12);
  expect(render(files('usr/bin', 11))).toBe('/usr/bin\n  A  ... 11 files, 1.1 kB\n\n11 additions are counted above; --all lists them.\n');
  expect(render(files('usr/bin', 11), true).split('\n').length).toBe(13);
});

test('a new directory is counted as a whole', () => {
  const changes = [
    added('opt', directory),
    added('opt/app', directory),
    ...files('opt/app', 20),
    added('opt/app/link', { kind: 'link', target: 'x' }),
  ];
  expect(render(changes)).toBe(
    '/\n  A  opt/  20 files, 1 directory, 1 link, 2.0 kB\n\n23 additions are counted above; --all lists them.\n',
  );
});

test('few additions in each of many directories are counted where enough come together', () => {
  const languages = Array.from({ length: 20 }, (_, index) => added(`usr/share/locale/l${index}/LC_MESSAGES/nano.mo`));
  expect(render(languages)).toBe('/usr/share/locale\n  A  ... 20 files, 2.0 kB\n\n20 additions are counted above; --all lists them.\n');
});

test('what directories of the first level have in common is not counted together', () => {
  const changes = [...files('etc/a', 6), ...files('etc/b', 6)];
  expect(render(changes)).toBe(render(changes, true));
});

test('what gives rights, comes apart from plain additions or goes is shown in full however much there is', () => {
  const grave = [
    added('opt/app', directory),
    ...files('opt/app', 20),
    ...files('opt/app/suid', 20, 0o4755),
    ...files('opt/app/open', 20, 0o666),
    ...Array.from({ length: 20 }, (_, index) => deleted(`opt/app/z${index}`)),
    { ...added('opt/app/capable'), attributes: [{ name: 'security.capability', before: null, after: rawCapability }] },
    added('opt/app/foreign', { uid: null }),
    added('opt/app/null', { kind: 'character-device', device: { major: 1, minor: 3 } }),
    change('opt/app/here', ['added', 'deleted'], fileState(), fileState(), { movedFrom: 'there' }),
  ];
  expect(
    render(grave)
      .split('\n')
      .filter((line) => line.startsWith('  ')).length,
  ).toBe(1 + 20 + 20 + 20 + 4);
});

test('what changed is said in words', () => {
  const word = (parts: Parameters<typeof fileState>[0], kinds: Parameters<typeof change>[1], old = {}): string =>
    render([change('f', kinds, fileState(old), fileState(parts))]).split('\n')[1] ?? '';
  expect(word({ mode: 0o2755 }, ['mode'])).toBe('  M  f  mode 644 -> 2755 (set-gid)');
  expect(word({ mode: 0o6755 }, ['mode'])).toBe('  M  f  mode 644 -> 6755 (set-uid, set-gid)');
  expect(word({ mode: 0 }, ['mode'])).toBe('  M  f  mode 644 -> 000');
  expect(word({ sizeBytes: 1 }, ['content'])).toBe('  M  f  content, 100 bytes -> 1 byte');
  expect(word({}, ['content'])).toBe('  M  f  content, 100 bytes');
  expect(word({ kind: 'directory' }, ['type', 'owner'], { uid: 33 })).toBe('  T  f/  file -> directory  owner 33 -> root');
  expect(render([change('d', ['mode'], directoryState(), directoryState({ mode: 0o1777 }))])).toBe('/\n  M  d/  mode 755 -> 1777\n');
});

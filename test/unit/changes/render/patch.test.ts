import { expect, test } from 'vitest';

import type { Change } from '../../../../src/changes/change.ts';
import { renderPatch, showPatch } from '../../../../src/changes/render/patch.ts';
import { diffTexts } from '../../../../src/changes/render/text-diff.ts';
import { added, change, deleted, fileState, rawCapability } from '../../../rig/sample-changes.ts';

const none = { before: null, after: null };
const contents = (before: string | null, after: string | null) => ({
  before: before === null ? null : Buffer.from(before, 'latin1'),
  after: after === null ? null : Buffer.from(after, 'latin1'),
});
const render = (one: Change, content = contents(null, null)): string => Buffer.from(renderPatch(one, content)).toString('latin1');
const content = (path: string, mode = 0o644): Change => change(path, ['content'], fileState(), fileState({ mode }));

test('a text has hunks with three lines around each change', () => {
  const before = Array.from({ length: 20 }, (_, index) => `${index + 1}\n`).join('');
  const after = before.replace('5\n', 'five\n').replace('20\n', '20').replace('14\n', '').replace('13\n', '');
  expect(render(content('etc/x'), contents(before, after))).toBe(
    `diff --git a/etc/x b/etc/x
--- a/etc/x
+++ b/etc/x
@@ -2,7 +2,7 @@
 2
 3
 4
-5
+five
 6
 7
 8
@@ -10,11 +10,9 @@
 10
 11
 12
-13
-14
 15
 16
 17
 18
 19
-20
+20
\\ No newline at end of file
`,
  );
});

test('a file that comes or goes has its mode and all of its lines', () => {
  expect(render(added('bin/x', { mode: 0o755 }), contents(null, '#!/bin/sh\n'))).toBe(
    'diff --git a/bin/x b/bin/x\nnew file mode 100755\n--- /dev/null\n+++ b/bin/x\n@@ -0,0 +1 @@\n+#!/bin/sh\n',
  );
  expect(render(deleted('bin/x', { mode: 0o600 }), contents('a\nb', null))).toBe(
    'diff --git a/bin/x b/bin/x\ndeleted file mode 100644\n--- a/bin/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n\\ No newline at end of file\n',
  );
});

test('a moved file says from where', () => {
  const moved = change('new name', ['added', 'deleted', 'mode'], fileState(), fileState({ mode: 0o755 }), { movedFrom: 'old\n' });
  expect(render(moved, none)).toBe(
    'diff --git "a/old\\n" "b/new name"\nold mode 100644\nnew mode 100755\nsimilarity index 100%\nrename from "old\\n"\nrename to "new name"\n',
  );
});

test('another target of a link is a link that goes and one that comes', () => {
  const link = change('l', ['content'], fileState({ kind: 'link', target: 'x' }), fileState({ kind: 'link', target: 'y\xff' }));
  expect(render(link)).toBe(
    'diff --git a/l b/l\ndeleted file mode 120000\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\\ No newline at end of file\n' +
      'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+y\xff\n\\ No newline at end of file\n',
  );
});

test('of a binary file the patch says only that it differs', () => {
  expect(render(content('x'), contents('a\0', 'b'))).toBe('Binary files a/x and b/x differ\n');
  expect(render(added('x'), contents(null, '\0'))).toBe('Binary files /dev/null and b/x differ\n');
  expect(render(deleted('x'), contents('\0', null))).toBe('Binary files a/x and /dev/null differ\n');
  expect(render(change('x', ['content', 'mode'], fileState(), fileState({ mode: 0o755 })), contents('\0', 'b'))).toBe(
    'Binary files a/x and b/x differ\ndiff --git a/x b/x\nold mode 100644\nnew mode 100755\n',
  );
});

test('a patch says what it lacks', () => {
  const file = fileState();
  expect(render(content('x'))).toBe('# x: its content is not known\n');
  expect(render(added('d', { kind: 'directory', mode: 0o700, uid: 5 }))).toBe('# d: added, directory, owner 5:root\n');
  expect(render(deleted('n\n', { kind: 'character-device', device: { major: 1, minor: 3 } }))).toBe(
    '# "n\\n": deleted, character device 1:3\n',
  );
  expect(render(change('x', ['mode', 'owner'], file, fileState({ mode: 0o4755, uid: 7 })))).toBe(
    '# x: mode 4755\n# x: owner root -> 7\ndiff --git a/x b/x\nold mode 100644\nnew mode 100755\n',
  );
  expect(
    render(change('x', ['attributes'], file, file, { attributes: [{ name: 'security.capability', before: null, after: rawCapability }] })),
  ).toBe('# x: cap_net_raw=ep added\n');
});

test('texts that have too little in common are not compared', () => {
  const lines = Array.from({ length: 400 }, (_, index) => String((index * 7919) % 400));
  const [before, after] = [lines, lines.toReversed()].map((some) => Buffer.from(some.join('\n')));
  if (before === undefined || after === undefined) throw new Error('no texts');
  expect(diffTexts(before, after, 1000)).toEqual({ kind: 'too-different' });
  expect(diffTexts(before, after)).toMatchObject({ kind: 'text' });
});

test('texts without a common line are compared however long they are', () => {
  const text = (letter: string): Buffer => Buffer.from(`${letter}\n`.repeat(100_000));
  expect(diffTexts(text('a'), text('b'), 1000)).toMatchObject({ kind: 'text', added: 100_000, removed: 100_000, kept: 0 });
});

test('a patch for a terminal is coloured, and nothing in it is dangerous to it', () => {
  const patch = renderPatch(content('x'), contents('a\tb\n', '\x1b[31m\xff\xc2\x9b\n'));
  const esc = '\u001b';
  expect(showPatch(patch, { colour: true })).toBe(
    `${esc}[1mdiff --git a/x b/x${esc}[0m
${esc}[1m--- a/x${esc}[0m
${esc}[1m+++ b/x${esc}[0m
${esc}[36m@@ -1 +1 @@${esc}[0m
${esc}[31m-a\tb${esc}[0m
${esc}[32m+\\u001b[31m\ufffd\\u009b${esc}[0m
`,
  );
  expect(showPatch(patch, { colour: false })).toBe('diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\tb\n+\\u001b[31m\ufffd\\u009b\n');
});

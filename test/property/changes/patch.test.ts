import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Change } from '../../../src/changes/change.ts';
import { findMoves } from '../../../src/changes/moves.ts';
import { parseChanges } from '../../../src/changes/parse-changes.ts';
import { renderPatch } from '../../../src/changes/render/patch.ts';
import { make } from '../../rig/compile.ts';
import { listPaths } from '../../rig/random-tree.ts';
import { added, change, deleted, fileState } from '../../rig/sample-changes.ts';

let top: string;
let compare: string;
beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), 'isolate-patch-'));
  compare = join(await make('tree'), 'isolate-tree');
});
afterAll(() => rmSync(top, { recursive: true }));

const names = [
  'a',
  'b',
  'c',
  'sub/d',
  'sub/e',
  'sub/deep/f',
  '-n',
  'with space',
  'tab\tname',
  '"quoted"',
  'back\\slash',
  '\xc3\xa9',
  '\xff\xfe',
  'a b/c d',
] as const;
const lines = [
  '',
  'one',
  'two',
  'three',
  '-- a/a',
  '++ b/a',
  '- ',
  '+',
  ' ',
  'diff --git a/a b/a',
  '@@ -1 +1 @@',
  '\\ No newline at end of file',
  'cr\r',
  '\xe9\xff',
  '# a: mode 600',
];

const text = fc
  .tuple(fc.array(fc.constantFrom(...lines), { maxLength: 25 }), fc.boolean())
  .map(([some, isEnded]) => some.join('\n') + (isEnded && some.length > 0 ? '\n' : ''));
const file = fc.record({ content: text, isLink: fc.integer({ max: 4, min: 0 }).map((number) => number === 0), isProgram: fc.boolean() });
type Entry = typeof file extends fc.Arbitrary<infer Value> ? Value : never;
type Tree = ReadonlyMap<string, Entry>;

const entries = fc.tuple(...names.map(() => fc.option(file)));
const toTree = (some: readonly (Entry | null)[]): Tree =>
  new Map(some.flatMap((entry, index) => (entry === null ? [] : [[names[index] ?? '', entry] as const])));

/** Another tree, made of the first by edits, so that files resemble each other. */
const trees: fc.Arbitrary<readonly [Tree, Tree]> = fc
  .tuple(
    entries,
    entries,
    fc.array(fc.constantFrom('same', 'edited', 'other', 'mode', 'gone', 'moved'), { minLength: names.length, maxLength: names.length }),
  )
  .map(([first, second, edits]) => {
    const before = toTree(first);
    const after = new Map<string, Entry>();
    for (const [index, name] of names.entries()) {
      const old = first[index];
      const other = second[index];
      const edit = edits[index];
      if (edit === 'same' && old) after.set(name, old);
      else if (edit === 'edited' && old) after.set(name, { ...old, content: old.content.replace('two\n', 'changed\nlines\n') });
      else if (edit === 'mode' && old) after.set(name, { ...old, isProgram: !old.isProgram });
      else if (edit === 'moved' && old) after.set(`moved/${name}`, old);
      else if (edit === 'other' && other) after.set(name, other);
    }
    return [before, after] as const;
  });

function write(root: string, tree: Tree): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  for (const [name, { content, isLink, isProgram }] of tree) {
    const path = Buffer.from(`${root}/${name}`, 'latin1');
    mkdirSync(Buffer.from(dirname(path.toString('latin1')), 'latin1'), { recursive: true });
    if (isLink) symlinkSync(Buffer.from(content === '' ? 'x' : content.replaceAll('\n', '/'), 'latin1'), path);
    else writeFileSync(path, Buffer.from(content, 'latin1'));
    if (!isLink) chmodSync(path, isProgram ? 0o755 : 0o644);
  }
}

/** What is at each path but directories. */
function read(root: string): object {
  const found = listPaths(root).flatMap((path) => {
    const bytes = Buffer.from(`${root}/${path}`, 'latin1');
    const stat = lstatSync(bytes);
    if (stat.isDirectory()) return [];
    const content = stat.isSymbolicLink() ? readlinkSync(bytes, { encoding: 'buffer' }) : readFileSync(bytes);
    return [[path, [stat.mode.toString(8), content.toString('latin1')]] as const];
  });
  return Object.fromEntries(found);
}

async function patchFor(before: string, after: string, withMoves: boolean): Promise<Buffer> {
  const changes: Change[] = [];
  for await (const change of parseChanges(chunks(execFileSync(compare, ['compare', before, after], { maxBuffer: 1e9 }))))
    changes.push(change);
  const content = (root: string, path: string): Buffer => readFileSync(Buffer.from(`${root}/${path}`, 'latin1'));
  const areSame: Parameters<typeof findMoves>[1]['areSame'] = async (pairs) =>
    pairs.map((pair) => content(before, pair.before).equals(content(after, pair.after)));
  const moved = withMoves ? await findMoves(changes, { keepsInodes: false, foldDirectories: false, areSame }) : changes;
  return Buffer.concat(
    moved.map((change) =>
      renderPatch(change, {
        before: change.before?.kind === 'file' ? content(before, change.movedFrom ?? change.path) : null,
        after: change.after?.kind === 'file' ? content(after, change.path) : null,
      }),
    ),
  );
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const runs = Number(process.env['ISOLATE_TEST_RUNS'] ?? 60);

test.each([
  ['git apply', false, ['git', 'apply', '--whitespace=nowarn', '-']],
  ['git apply', true, ['git', 'apply', '--whitespace=nowarn', '-']],
  ['patch', false, ['patch', '-p1', '--batch', '--fuzz=0']],
  ['patch', true, ['patch', '-p1', '--batch', '--fuzz=0']],
] as const)('%s makes the one tree of the other (moves: %s)', { timeout: 300_000 }, async (_, withMoves, [program, ...words]) => {
  const [before, after, applied] = ['before', 'after', 'applied'].map((name) => join(top, name));
  if (before === undefined || after === undefined || applied === undefined) throw new Error('no paths');
  await fc.assert(
    fc.asyncProperty(trees, async ([old, now]) => {
      write(before, old);
      write(after, now);
      rmSync(applied, { recursive: true, force: true });
      cpSync(before, applied, { recursive: true, verbatimSymlinks: true });
      const patch = await patchFor(before, after, withMoves);
      const isEmpty = !patch.includes('diff --git');
      const { status, stdout, stderr } = isEmpty
        ? { status: 0, stdout: '', stderr: '' }
        : spawnSync(program, words, {
            cwd: applied,
            input: patch,
            encoding: 'latin1',
            env: { ...process.env, GIT_CEILING_DIRECTORIES: top },
          });
      expect({ status, files: read(applied), said: status === 0 ? '' : stdout + stderr + patch.toString('latin1') }).toEqual({
        status: 0,
        files: read(after),
        said: '',
      });
    }),
    { numRuns: runs },
  );
});

test.each([
  ['git', ['apply', '-']],
  ['patch', ['-p1', '--batch']],
] as const)('%s ignores what a patch says of what it cannot hold', (program, words) => {
  const root = join(top, 'remarks');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  writeFileSync(join(root, 'text'), 'a\n');
  const nothing = { before: null, after: null };
  const patch = Buffer.concat([
    renderPatch(added('directory', { kind: 'directory', mode: 0o700, uid: 7 }), nothing),
    renderPatch(added('--- a/text\n+++ b/text\n@@ -1 +1 @@\n-a\n+b', { kind: 'pipe' }), nothing),
    renderPatch(added('program', { mode: 0o4755 }), { before: null, after: Buffer.from('\0') }),
    renderPatch(change('unknown', ['content'], fileState(), fileState()), nothing),
    renderPatch(change('text', ['content', 'mode', 'owner'], fileState(), fileState({ mode: 0o4711, uid: null })), {
      before: Buffer.from('a\n'),
      after: Buffer.from('c\n'),
    }),
    renderPatch(deleted('null', { kind: 'character-device' }), nothing),
  ]);
  const { status, stderr } = spawnSync(program, words, { cwd: root, input: patch, encoding: 'latin1' });
  expect({ status, stderr, files: read(root) }).toEqual({ status: 0, stderr: '', files: { text: ['100755', 'c\n'] } });
});

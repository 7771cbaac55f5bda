import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { callerContext, type TemplateContext } from '../../../src/template/context.ts';
import { changeTemplate, describeTemplate } from '../../../src/template/open-store.ts';
import type { TemplateRef } from '../../../src/template/template-ref.ts';
import { makePool, type TestPool } from '../../rig/zpool.ts';

const worker = join(import.meta.dirname, '../../rig/template-worker.ts');

let pool: TestPool;
let context: TemplateContext;
let count = 0;
let dataset: string;

beforeAll(async () => {
  pool = await makePool();
  context = await callerContext();
});
afterAll(() => pool.end());
beforeEach(() => {
  count += 1;
  // What is left beside one template is in the way of no other.
  dataset = `${pool.name}/t${count}/box`;
  for (const file of ['log', 'over', 'renames', 'refused']) rmSync(join(pool.directory, file), { force: true });
});

/** A template in the state `two`, with snapshots of the states `one` and `two`. */
async function makeTemplate(): Promise<void> {
  await pool.zfs('create', '-p', dataset);
  for (const [text, label] of [
    ['one', 'first'],
    ['two', 'second'],
  ] as const) {
    writeFileSync(join(pool.directory, 'pool', `t${count}`, 'box/state'), text);
    await pool.zfs('snapshot', `${dataset}@${label}`);
  }
}

/** What becomes of what a zfs asks for that is killed: it is done, even some time later, or never. */
const fates = {
  done: '"$zfs" "$@"',
  'never done': ':',
  'done later': '(sleep 0.3; "$zfs" "$@"; touch over) > /dev/null 2>&1 < /dev/null &',
} as const;
type Fate = keyof typeof fates;

/**
 * Whether a verb succeeds whose zfs is killed at its n-th command among `counted`, names of verbs of zfs for sh(1). `first` are lines that
 * any zfs begins with.
 */
async function succeeds(action: string, counted: string, n: number, fate: Fate, first = ''): Promise<boolean> {
  const file = join(pool.directory, 'zfs');
  const script = `#!/bin/sh
cd ${pool.directory}
zfs=${pool.tools.zfs}
${first}
case $1 in
  ${counted})
    echo "$1" >> log
    if [ "$(wc -l < log)" = ${n} ]; then
      ${fates[fate]}
      kill -KILL $$
    fi
    ;;
esac
exec "$zfs" "$@"
`;
  writeFileSync(file, script, { mode: 0o755 });
  const ref: TemplateRef = { kind: 'dataset', dataset };
  return await promisify(execFile)(process.execPath, [worker, JSON.stringify(ref), action, 'none', file]).then(
    () => true,
    () => false,
  );
}

/** A state, and the labels of the snapshots. */
type SeenTemplate = readonly [state: string, ...labels: string[]];

/** The template, or what it may be called now, and what is neither a template nor holds what one was. The first look finishes what was begun. */
async function look(): Promise<{ readonly templates: readonly SeenTemplate[]; readonly unfinished: readonly string[] }> {
  const templates: SeenTemplate[] = [];
  for (const name of [dataset, `${dataset}-2`]) {
    const ref: TemplateRef = { kind: 'dataset', dataset: name };
    const info = await describeTemplate(ref, context);
    const state = await changeTemplate(ref, context, async (store) => {
      if (info === null) return '';
      const { path, close } = await store.open();
      const text = readFileSync(join(path, 'state'), 'utf8');
      await close();
      return text;
    });
    if (info !== null) templates.push([state, ...info.snapshots.map(({ label }) => label)]);
  }
  const lines = (await pool.zfs('list', '-H', '-o', 'name,isolate:step,isolate:draft', '-r', pool.name)).trim().split('\n');
  // A template that was to be removed may still say so; nothing heeds that while it has its name.
  const unfinished = lines.filter(
    (line) => line.startsWith(dataset) && (line.includes('.isolate-new-') || !/\t(?:-|remove)\t-$/.test(line)),
  );
  return { templates, unfinished };
}

const one: readonly SeenTemplate[] = [['one', 'first', 'second']];
const two: readonly SeenTemplate[] = [['two', 'first', 'second']];

/** Verbs with the number of one of their renames, and what there is if that is never done and if it is. A rollback was announced by then. */
const renames = [
  { action: 'rollback', n: 1, without: one, after: one },
  { action: 'rollback', n: 2, without: one, after: one },
  { action: 'rename', n: 1, without: two, after: two },
  { action: 'remove', n: 1, without: two, after: [] },
  { action: 'create', n: 1, without: [], after: [['created', 'first']] },
] as const;

test.each(renames.flatMap((row) => (Object.keys(fates) as Fate[]).map((fate) => ({ ...row, fate }))))(
  'the template is whole when zfs was killed at rename $n of $action, which is $fate',
  async ({ action, n, without, after, fate }) => {
    if (action !== 'create') await makeTemplate();
    expect(await succeeds(action, 'rename', n, fate)).toBe(fate === 'done');
    // Whoever looks finishes a rollback, whether ZFS does the rest before, meanwhile or afterwards.
    const seen = action === 'rollback' ? [await look()] : [];
    if (fate === 'done later') await expect.poll(() => existsSync(join(pool.directory, 'over')), { timeout: 20_000 }).toBe(true);
    for (const each of [...seen, await look()])
      expect(each).toEqual({ templates: fate === 'never done' ? without : after, unfinished: [] });
  },
);

// The commands of the one who finishes it: what is beside the template is listed by the 2nd, the template itself looked at by the 3rd.
test.each([2, 3, 4])('a rollback is finished whose last rename ZFS does late, before command %i of the one who finishes it', async (n) => {
  await makeTemplate();
  expect(await succeeds('rollback', 'rename', 2, 'never done', '[ "$1" != rename ] || echo "$@" > late')).toBe(false);
  rmSync(join(pool.directory, 'log'));
  const late = `echo >> log; [ "$(wc -l < log)" != ${n} ] || "$zfs" $(cat late)`;
  expect(await succeeds('look', 'nothing', 0, 'done', late)).toBe(true);
  expect(await look()).toEqual({ templates: one, unfinished: [] });
});

/** What a rollback does after ZFS refused one of its renames; of a mounted template. */
const steps = ['promote', 'set', 'mount', 'inherit', 'destroy'] as const;

test.each([
  ...steps.map((step, index) => ({ refused: 1, step, n: index + 1 })),
  ...(['rename', ...steps] as const).map((step, index) => ({ refused: 2, step, n: index + 1 })),
])(
  'the template is whole when ZFS refused rename $refused of a rollback, and zfs was killed at the $step that undoes it',
  async ({ refused, step, n }) => {
    await makeTemplate();
    const first = `if [ "$1" = rename ] && [ ! -e refused ]; then
  echo >> renames
  [ "$(wc -l < renames)" != ${refused} ] || { touch refused; echo 'cannot rename: out of space' >&2; exit 1; }
fi
[ -e refused ] || exec "$zfs" "$@"`;
    expect(await succeeds('rollback', ['rename', ...steps].join(' | '), n, 'never done', first)).toBe(false);
    expect(readFileSync(join(pool.directory, 'log'), 'utf8').trim().split('\n').at(-1)).toBe(step);
    const { templates, unfinished } = await look();
    expect([one, two]).toContainEqual(templates);
    expect(unfinished).toEqual([]);
  },
);

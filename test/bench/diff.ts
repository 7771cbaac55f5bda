import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { isolatePath } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import type { Ground } from './ground.ts';
import { measure } from './measure.ts';
import { type Findings, tableOf } from './report.ts';

const [directories, filesEach, changes] = [400, 500, 100] as const;

const names = {
  find: 'find in the upper layer, with everything that stat(2) says',
  porcelain: 'isolate diff --porcelain',
  report: 'isolate diff, with the report',
  patch: 'isolate diff --patch',
  run: 'isolate ... true on the same overlay',
  tool: 'isolate-tree compare of the two trees, which walks all of them',
  diff: 'diff --recursive --brief --no-dereference of the two trees',
} as const;

/** `isolate diff` of a session on an overlay with few changes in a root with many files, beside programs that find as much. */
export async function measureDiff(ground: Ground, rounds: number): Promise<Findings> {
  const parent = mkdtempSync(join(ground.scratch, 'diff-'));
  const template = await makeTree(join(parent, 'template'));
  const script = `i=0; while [ $i -lt ${changes} ]; do echo changed > /srv/$i/$i; i=$((i + 1)); done`;
  const made = spawnSync(isolatePath, ['-q', '--keep=bench', '-t', template, '--ephemeral', 'sh', '-c', script], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`There is no session: ${made.stderr}`);
  const layers = findLayers('/var/lib/isolate/overlay');
  const merged = join(parent, 'merged');
  mkdirSync(merged);
  execFileSync('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${join(layers, 'upper')}:${template},userxattr`, 'overlay', merged]);
  const run = (...command: readonly [string, ...string[]]) => ({ command });
  const tree = join(dirname(isolatePath), 'isolate-tree');
  const candidates = {
    [names.find]: () => run('find', join(layers, 'upper'), '-printf', '%y %m %U %G %s %T@ %p\\0'),
    [names.porcelain]: () => run(isolatePath, 'diff', 'bench', '--porcelain'),
    [names.report]: () => run(isolatePath, 'diff', 'bench'),
    [names.patch]: () => run(isolatePath, 'diff', 'bench', '--patch'),
    [names.run]: () => run(isolatePath, '-q', '-t', template, '--ephemeral', 'true'),
    [names.tool]: () => run(tree, 'compare', template, merged),
    [names.diff]: () => run('sh', '-c', 'diff --recursive --brief --no-dereference "$1" "$2" || [ $? = 1 ]', 'sh', template, merged),
  };
  let summaries: Awaited<ReturnType<typeof measure<keyof typeof candidates>>>;
  try {
    summaries = await measure(ground.stopwatch, candidates, { rounds });
  } finally {
    execFileSync('umount', [merged]);
    spawnSync(isolatePath, ['rm', '-q', 'bench']);
    rmSync(parent, { recursive: true, force: true });
  }
  return {
    tables: [tableOf(`${changes} changes in a root of ${directories * filesEach} files`, summaries)],
    goals: [
      { name: 'isolate diff --porcelain on overlay', value: summaries[names.porcelain].medianMs, most: 150, unit: 'ms' },
      { name: 'isolate diff with the report on overlay', value: summaries[names.report].medianMs, most: 150, unit: 'ms' },
    ],
  };
}

async function makeTree(path: string): Promise<string> {
  const template = await busyboxRootfs(path);
  for (let directory = 0; directory < directories; directory += 1) {
    const below = join(template, 'srv', String(directory));
    mkdirSync(below, { recursive: true });
    for (let file = 0; file < filesEach; file += 1) writeFileSync(join(below, String(file)), `${file}\n`);
  }
  return template;
}

/** Those of the only clone. */
function findLayers(state: string): string {
  const template = readdirSync(state).find((name) => name.startsWith('template-')) ?? '';
  const clone = readdirSync(join(state, template)).find((name) => /^\d+$/.test(name)) ?? '';
  return join(state, template, clone);
}

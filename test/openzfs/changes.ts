/* What a clone on the kernel's OpenZFS was changed in, beside an independent walk; inside the guest: node changes.js [RUNS [FILES]]. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { before, test as register } from 'node:test';
import fc from 'fast-check';

import { placeOf } from '../../src/rootfs/rootfs.ts';
import type { StorageDriver } from '../../src/storage/driver.ts';
import { applySteps, treeSteps } from '../rig/random-tree.ts';
import { lettersIn } from '../rig/tree-records.ts';
import { walkBoth } from '../rig/tree-walk.ts';
import { make, makePool, mounts, open, takeId, zfs } from './pools.ts';

const test = (title: string, action: () => Promise<void>): void => void register(title, action);
const runs = Number(process.argv[2] ?? 8);
const files = Number(process.argv[3] ?? 10_000);
const program = '/share/dist/isolate-tree';

type Found = readonly (readonly [path: string, letters: string])[];

before(() => makePool('diff', '2G'));

async function makeDataset(name: string): Promise<{ readonly driver: StorageDriver; readonly directory: string }> {
  await zfs('create', '-p', '-o', 'xattr=sa', '-o', 'acltype=posix', name);
  return { driver: await open(name), directory: `/${name}` };
}

/** Makes a clone of what the template is now and changes it; what isolate finds then, and what `walk` does. */
async function changed(
  { driver, directory }: Awaited<ReturnType<typeof makeDataset>>,
  change: (clone: string, snapshot: string, name: string) => void,
  walk: (base: string, clone: string) => Found = walkBoth,
): Promise<{ readonly found: Found; readonly expected: Found; readonly tookMs: number }> {
  await zfs('snapshot', `${driver.template}@${takeId()}`);
  const [made] = await make(driver, takeId());
  const clone = placeOf(made.rootfs);
  change(clone, made.clone.source, `${driver.template}_${made.id}`);
  const places = { makeBase: () => Promise.reject(new Error('No clone is made as a base.')), mountDirectory: mounts };
  const { base, other, form, close } = await driver.openChanges(made.clone, clone, places);
  try {
    const madeMs = made.clone.createdMs ?? 0;
    assert.deepEqual(form, { kind: 'trees', sameInodesSinceMs: madeMs });
    const startMs = performance.now();
    const output = execFileSync(program, ['compare', `--same-inodes=${Math.floor(madeMs / 1000)}`, base, other], {
      encoding: 'latin1',
      maxBuffer: 2 ** 30,
    });
    return { found: lettersIn(output), tookMs: performance.now() - startMs, expected: walk(directory, clone) };
  } finally {
    await close();
    assert.deepEqual(await driver.destroy([made.clone]), [{ id: made.id, outcome: 'gone' }]);
  }
}

test('the changes of a clone are those that an independent walk finds', async () => {
  const dataset = await makeDataset('diff/random/t');
  await fc.assert(
    fc.asyncProperty(treeSteps, treeSteps, async (first, second) => {
      rmSync(`${dataset.directory}/top`, { recursive: true, force: true });
      mkdirSync(`${dataset.directory}/top`);
      applySteps(`${dataset.directory}/top`, first);
      const { found, expected } = await changed(dataset, (clone) => applySteps(`${clone}/top`, second));
      assert.deepEqual(found, expected);
    }),
    { numRuns: runs },
  );
});

test('so are those that zfs diff leaves out', async () => {
  const dataset = await makeDataset('diff/links/t');
  const { directory } = dataset;
  for (const name of ['one', 'two', 'moved']) mkdirSync(`${directory}/${name}`);
  for (const name of ['linked', 'unlinked']) {
    writeFileSync(`${directory}/one/${name}`, 'text');
    linkSync(`${directory}/one/${name}`, `${directory}/two/${name}`);
  }
  // ZFS remembers for a file the directory of its last link, also when that is gone.
  rmSync(`${directory}/two/unlinked`);
  writeFileSync(`${directory}/moved/below`, 'text');
  const { found, expected } = await changed(dataset, (clone, snapshot, name) => {
    appendFileSync(`${clone}/one/linked`, ' changed');
    appendFileSync(`${clone}/one/unlinked`, ' changed');
    renameSync(`${clone}/moved`, `${clone}/two/moved`);
    writeFileSync(`${clone}/one/new`, 'text');
    linkSync(`${clone}/one/new`, `${clone}/two/new`);
    rmSync(`${clone}/two/new`);
    // As long as it does, it is no hint of where to look.
    const told = execFileSync('/usr/sbin/zfs', ['diff', '-H', snapshot, name], { encoding: 'utf8' });
    assert.deepEqual(
      ['one/unlinked', 'one/new', 'moved/below', 'two/linked'].filter((path) => told.includes(`${path}\n`)),
      ['two/linked'],
    );
  });
  assert.deepEqual(found, expected);
  assert.deepEqual(
    found.map(([path, letters]) => `${letters} ${path}`),
    ['- moved', '- moved/below', 'c one/linked', '+ one/new', 'c one/unlinked', 'c two/linked', '+ two/moved', '+ two/moved/below'],
  );
});

test('and those at paths that are too long for zfs diff', async () => {
  const dataset = await makeDataset('diff/deep/t');
  const names = Array.from({ length: 60 }, () => 'd'.repeat(255));
  const script = 'chdir $ARGV[0] or die; for (1 .. 60) { mkdir "d" x 255 or die; chdir "d" x 255 or die }';
  const { found, expected } = await changed(
    dataset,
    (clone) => void execFileSync('perl', ['-e', script, clone]),
    () => names.map((_, depth) => [names.slice(0, depth + 1).join('/'), '+']),
  );
  assert.deepEqual(found, expected);
});

test(`a hundred changes among ${files} files are found`, async () => {
  const dataset = await makeDataset('diff/many/t');
  const directories = files / 100;
  for (let directory = 0; directory < directories; directory += 1) {
    mkdirSync(`${dataset.directory}/${directory}`);
    for (let file = 0; file < 100; file += 1) writeFileSync(`${dataset.directory}/${directory}/${file}`, `content of ${file}`);
  }
  for (let round = 0; round < 3; round += 1) {
    const { found, tookMs } = await changed(
      dataset,
      (clone) => {
        for (let change = 0; change < 100; change += 1) appendFileSync(`${clone}/${change % directories}/${change}`, 'more');
      },
      () => [],
    );
    assert.equal(found.length, 100);
    console.log(`100 changes among ${files} files: isolate-tree compare ${Math.round(tookMs)} ms`);
  }
});

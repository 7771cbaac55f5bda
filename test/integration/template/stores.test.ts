import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../../src/pool/paths.ts';
import { readDirectory } from '../../../src/pool/read-directory.ts';
import { callerContext, type TemplateContext } from '../../../src/template/context.ts';
import { changeTemplate, openStore } from '../../../src/template/open-store.ts';
import type { Replacement, RolledBack, TemplateStore } from '../../../src/template/store.ts';
import type { TemplateRef } from '../../../src/template/template-ref.ts';
import { refresh } from '../../../src/upkeep/refresh-template.ts';
import { finished, startIsolate } from '../../rig/isolate.ts';
import { clonesLeft, untilFree } from '../../rig/refresher.ts';
import { makeZfsTemplate } from '../../rig/zfs-template.ts';
import { makePool } from '../../rig/zpool.ts';

const worker = join(import.meta.dirname, '../../rig/template-worker.ts');
const execFileAsync = promisify(execFile);

/** A place for templates on one kind of storage. */
interface Fixture {
  /** A template whose file `state` says `one`, with a snapshot `first` of that. */
  readonly make: (name: string) => Promise<TemplateRef>;
  readonly refOf: (name: string) => TemplateRef;
  /** Everything that is there, also what is unfinished. */
  readonly left: () => Promise<readonly string[]>;
  readonly end: () => Promise<void>;
}

async function directoryFixture(): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-templates-'));
  await chmod(directory, 0o755);
  const refOf = (name: string): TemplateRef => ({ kind: 'directory', path: join(directory, name) });
  return {
    refOf,
    make: async (name) => {
      const path = join(directory, name);
      await mkdir(path);
      await writeFile(join(path, 'state'), 'one');
      await changeTemplate(refOf(name), await callerContext(), (store) => store.snapshot('first'));
      return refOf(name);
    },
    left: async () => (await readdir(directory)).toSorted(),
    end: () => rm(directory, { recursive: true }),
  };
}

/** Datasets on a pool of zfs-fuse. */
async function datasetFixture(): Promise<Fixture> {
  const pool = await makePool();
  const refOf = (name: string): TemplateRef => ({ kind: 'dataset', dataset: `${pool.name}/${name}` });
  return {
    refOf,
    make: async (name) => {
      await pool.zfs('create', `${pool.name}/${name}`);
      await writeFile(join(pool.directory, 'pool', name, 'state'), 'one');
      await pool.zfs('snapshot', `${pool.name}/${name}@first`);
      return refOf(name);
    },
    left: async () => {
      const datasets = (await pool.zfs('list', '-H', '-o', 'name', '-t', 'all', '-r', pool.name)).trim().split('\n');
      const state = await readdir('/run/isolate/templates').catch(() => []);
      return [...datasets.filter((name) => name.includes('/')), ...state].toSorted();
    },
    end: pool.end,
  };
}

describe.each([
  ['directory', directoryFixture],
  ['dataset', datasetFixture],
] as const)('%s templates', (kind, open) => {
  let fixture: Fixture;
  let context: TemplateContext;
  let count = 0;
  let name = '';
  let ref: TemplateRef;

  beforeAll(async () => {
    fixture = await open();
    context = await callerContext();
  });
  afterAll(() => fixture.end());
  beforeEach(async () => {
    count += 1;
    name = `t${count}`;
    ref = await fixture.make(name);
  });

  const change = <T>(action: (store: TemplateStore) => Promise<T>, of = ref): Promise<T> => changeTemplate(of, context, action);
  const labels = async (of = ref): Promise<readonly string[]> => (await openStore(of, context).snapshots()).map(({ label }) => label);
  const exists = async (of: TemplateRef): Promise<boolean> => (await openStore(of, context).describe()) !== null;
  const read = (of = ref): Promise<string> =>
    change(async (store) => {
      const tree = await store.open();
      const text = await readFile(join(tree.path, 'state'), 'utf8');
      await tree.close();
      return text;
    }, of);
  const write = (text: string): Promise<void> =>
    change(async (store) => {
      const tree = await store.open();
      await writeFile(join(tree.path, 'state'), text);
      await tree.close();
    });
  /** What this template has beside it that is neither a snapshot nor the template. */
  const unfinished = async (): Promise<readonly string[]> =>
    (await fixture.left()).filter((entry) => /new-|[.]old-|move|lock|before/.test(entry));
  const codeOf = async (action: Promise<unknown>): Promise<string> =>
    await action.then(
      () => 'done',
      (error: unknown) => (error instanceof IsolateError ? error.code : String(error)),
    );

  test('a draft becomes a template when it is committed, and is nothing before', async () => {
    const fresh = fixture.refOf(`${name}-new`);
    const draft = await openStore(fresh, context).begin();
    await writeFile(join(draft.root, 'state'), 'filled');
    expect(await exists(fresh)).toBe(false);
    await draft.commit('first');
    expect([await exists(fresh), await read(fresh), await unfinished()]).toEqual([true, 'filled', []]);
    // Only datasets need a snapshot at once.
    expect(await labels(fresh)).toEqual(kind === 'dataset' ? ['first'] : []);
    expect(await codeOf(openStore(fresh, context).begin())).toBe('template-exists');
  });

  test('what a new template is to be in is made with it', async () => {
    const fresh = fixture.refOf(`${name}-in/a/place`);
    const draft = await change((store) => store.begin(), fresh);
    await writeFile(join(draft.root, 'state'), 'filled');
    await draft.commit('first');
    expect([await exists(fresh), await read(fresh)]).toEqual([true, 'filled']);
  });

  test('a draft that is discarded leaves nothing, and one that comes too late is refused', async () => {
    const fresh = fixture.refOf(`${name}-new`);
    const [early, late] = [await openStore(fresh, context).begin(), await openStore(fresh, context).begin()];
    await writeFile(join(early.root, 'state'), 'early');
    await writeFile(join(late.root, 'state'), 'late');
    await early.commit('first');
    expect(await codeOf(late.commit('first'))).toBe('template-exists');
    await late.discard();
    expect([await read(fresh), await unfinished()]).toEqual(['early', []]);
  });

  test('a snapshot keeps a state, and a rollback keeps the state before it', async () => {
    await write('two');
    const { kept } = await change((store) => store.rollback('first'));
    expect([await read(), await labels()]).toEqual(['one', ['first', kept?.label]]);
    await change((store) => store.rollback(kept?.label ?? ''));
    expect([await read(), await unfinished()]).toEqual(['two', []]);
    expect(await codeOf(change((store) => store.rollback('none')))).toBe('snapshot-missing');
    expect(await codeOf(change((store) => store.snapshot('first')))).toBe('template-exists');
  });

  test('a rollback keeps nothing that a snapshot keeps already', async () => {
    expect(await change((store) => store.rollback('first'))).toEqual({ kept: null });
    await write('two');
    await change((store) => store.snapshot('second'));
    expect(await change((store) => store.rollback('first'))).toEqual({ kept: null });
    expect([await read(), await labels()]).toEqual(['one', ['first', 'second']]);
  });

  test('a snapshot is removed alone, and the template stays as it is', async () => {
    await write('two');
    await change((store) => store.snapshot('second'));
    await write('three');
    await change((store) => store.removeSnapshot('first'));
    expect([await read(), await labels(), await unfinished()]).toEqual(['three', ['second'], []]);
    expect(await codeOf(change((store) => store.removeSnapshot('first')))).toBe('snapshot-missing');
    // Clones are made from the only one of a dataset.
    expect(await codeOf(change((store) => store.removeSnapshot('second')))).toBe(kind === 'dataset' ? 'template-busy' : 'done');
    expect([await read(), await labels()]).toEqual(['three', kind === 'dataset' ? ['second'] : []]);
  });

  test('a snapshot that was gone back to is removed after those that are newer', async () => {
    await write('two');
    const { kept } = await change((store) => store.rollback('first'));
    await change((store) => store.snapshot('third'));
    const remove = (label: string | undefined): Promise<string> => codeOf(change((store) => store.removeSnapshot(label ?? '')));
    expect(await remove('first')).toBe(kind === 'dataset' ? 'template-busy' : 'done');
    expect(await remove(kept?.label)).toBe('done');
    if (kind === 'dataset') expect(await remove('first')).toBe('done');
    expect([await read(), await labels(), await unfinished()]).toEqual(['one', ['third'], []]);
  });

  test('a renamed template takes its snapshots along, and does not take the place of another', async () => {
    const to = fixture.refOf(`${name}-renamed`);
    await change((store) => store.rename(to));
    expect([await exists(ref), await read(to), await labels(to)]).toEqual([false, 'one', ['first']]);
    const taken = await fixture.make(`${name}-taken`);
    expect(await codeOf(change((store) => store.rename(taken), to))).toBe('template-exists');
    expect([await read(to), await read(taken)]).toEqual(['one', 'one']);
  });

  test('a removed template leaves nothing', async () => {
    await change((store) => store.remove());
    expect(await exists(ref)).toBe(false);
    expect((await fixture.left()).filter((entry) => entry.includes(name))).toEqual([]);
    expect(await codeOf(change((store) => store.remove()))).toBe('template-missing');
  });

  test('an attempt that fails changes nothing, and one that succeeds changes everything at once', async () => {
    await change(async (store) => {
      const attempt = await store.attempt();
      await writeFile(join(attempt.tree.path, 'state'), 'broken');
      await attempt.tree.close();
      await attempt.fail();
    });
    expect(await read()).toBe('one');
    await change(async (store) => {
      const attempt = await store.attempt();
      await writeFile(join(attempt.tree.path, 'state'), 'updated');
      await attempt.tree.close();
      await attempt.succeed();
    });
    expect([await read(), await labels(), await unfinished()]).toEqual(['updated', ['first'], []]);
  });

  test('a new state takes the place of the template, and a snapshot keeps the state before', async () => {
    const replace = (text: string, last: (replacement: Replacement) => Promise<unknown>) =>
      change(async (store) => {
        const replacement = await store.replace();
        await writeFile(join(replacement.root, 'state'), text);
        return await last(replacement);
      });
    await replace('discarded', (replacement) => replacement.discard());
    expect([await read(), await labels(), await unfinished()]).toEqual(['one', ['first'], []]);
    expect(await replace('two', (replacement) => replacement.commit())).toEqual({ kept: null });
    await write('three');
    const { kept } = (await replace('four', (replacement) => replacement.commit())) as RolledBack;
    expect([await read(), await unfinished()]).toEqual(['four', []]);
    await change((store) => store.rollback(kept?.label ?? ''));
    expect(await read()).toBe('three');
  });

  test('only one process changes a template at a time, and the second is told which', async () => {
    const error = await change(() => change(async () => 'never').catch((reason: unknown) => reason));
    expect(error).toMatchObject({
      code: 'template-busy',
      message: expect.stringContaining(`is being changed by process ${process.pid}.`) as string,
    });
  });

  test('a description says what there is', async () => {
    expect(await openStore(ref, context).describe()).toMatchObject({
      ref,
      snapshots: [{ label: 'first' }],
      clones: { fresh: 0, leased: 0, retired: 0 },
      record: null,
    });
    expect(await openStore(fixture.refOf('nothing'), context).describe()).toBe(null);
  });

  test.each(['snapshot', 'remove-snapshot', 'rollback', 'rename', 'remove', 'update', 'replace', 'create'])(
    'whenever %s is killed, the template is whole, as before or as after, and the next change leaves nothing unfinished',
    async (action) => {
      const steps = new Set<string>();
      const run = async (own: string, step: string): Promise<void> => {
        const its = action === 'create' ? fixture.refOf(own) : await fixture.make(own);
        if (action === 'rollback') {
          await change(async (store) => {
            const tree = await store.open();
            await writeFile(join(tree.path, 'state'), 'two');
            await tree.close();
          }, its);
        }
        const { stdout } = await execFileAsync(process.execPath, [worker, JSON.stringify(its), action, step], { encoding: 'utf8' }).catch(
          (error: unknown) => error as { stdout: string },
        );
        for (const seen of stdout.split('\n')) if (seen !== '') steps.add(seen);
      };
      await run(`${name}-w`, 'none');
      expect(steps.size).toBeGreaterThan(0);
      const before = action === 'rollback' ? 'two' : 'one';
      const after = { rollback: 'one', update: 'updated', replace: 'replaced', create: 'created' }[action] ?? 'one';
      for (const [index, step] of [...steps].entries()) {
        const own = `${name}-k${index}`;
        await run(own, step);
        await change(async () => {}, fixture.refOf(own));
        const states = [];
        for (const one of [fixture.refOf(own), fixture.refOf(`${own}-2`)]) if (await exists(one)) states.push(await read(one));
        const allowed = action === 'remove' || action === 'create' ? [[after], []] : [[before], [after]];
        expect(allowed, `${action} killed at ${step}: ${JSON.stringify(states)}`).toContainEqual(states);
        const asItWas = states[0] === before && (action === 'replace' || (action === 'rollback' && kind === 'directory'));
        if (asItWas) expect(await labels(fixture.refOf(own)), `killed at ${step}`).toEqual(['first']);
        const rest = (await fixture.left()).filter((entry) => entry.includes(own) && /new-|[.]old-|swap-|move|lock/.test(entry));
        expect(rest, `${action} killed at ${step}`).toEqual([]);
        const ours = (await fixture.left()).filter((entry) => entry.includes(own));
        if (states.length === 0) expect(ours, `${action} killed at ${step}`).toEqual([]);
      }
    },
    120_000,
  );
});

test(
  'fresh clones of a dataset go when it is rolled back, renamed or removed, and used ones keep it as it is',
  { timeout: 120_000 },
  async () => {
    const template = await makeZfsTemplate();
    onTestFinished(template.pool.end);
    const context = await callerContext();
    const ref: TemplateRef = { kind: 'dataset', dataset: template.dataset };
    const renamed: TemplateRef = { kind: 'dataset', dataset: `${template.dataset}-renamed` };
    const fill = async (): Promise<void> => void (await refresh({ template: template.dataset, count: 1 }));
    await fill();
    await writeFile(join(template.directory, 'new'), '');
    expect((await changeTemplate(ref, context, (store) => store.rollback('first'))).kept).not.toBe(null);
    await expect.poll(() => clonesLeft(template)).toEqual([]);
    await fill();
    const run = startIsolate(['-z', template.dataset, 'cat']);
    await expect.poll(async () => (await openStore(ref, context).describe())?.clones.leased).toBe(1);
    for (const change of [(store: TemplateStore) => store.rename(renamed), (store: TemplateStore) => store.remove()]) {
      await expect(changeTemplate(ref, context, change)).rejects.toMatchObject({ code: 'template-busy' });
    }
    run.stdin?.end();
    await finished(run);
    // The clone that the run used is gone before, and a fresh one is there.
    await untilFree(() => refresh({ template: template.dataset, count: 1 }));
    expect(await template.clones()).toHaveLength(1);
    await changeTemplate(ref, context, (store) => store.rename(renamed));
    // Under a name that no template has any more, a refresh destroys fresh clones as well: there may be none already.
    expect(readDirectory(poolPaths(runtimePaths(systemRuntimeDirectory), template.dataset).fresh)).toEqual([]);
    await expect.poll(() => clonesLeft(template)).toEqual([]);
    await changeTemplate(renamed, context, (store) => store.remove());
    expect((await template.pool.zfs('list', '-H', '-o', 'name', '-t', 'all')).trim()).toBe(template.pool.name);
  },
);

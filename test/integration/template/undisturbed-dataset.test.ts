import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { withOwnSessions } from '../../../src/process/command.ts';
import { callerContext } from '../../../src/template/context.ts';
import { changeTemplate } from '../../../src/template/open-store.ts';
import { refresh } from '../../../src/upkeep/refresh-template.ts';
import { clonesLeft } from '../../rig/refresher.ts';
import { whileReplaced } from '../../rig/replace-program.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../../rig/zfs-template.ts';

let template: ZfsTemplate;
beforeAll(async () => {
  template = await makeZfsTemplate();
});
afterAll(() => template.pool.end());

test('no zfs command that changes a template or its clones is in the session of a terminal whose signals isolate handles', async () => {
  await refresh({ template: template.dataset, count: 1 });
  expect(await template.clones()).toHaveLength(1);
  const { facts, ...context } = await callerContext();
  const [zfs, all, shared] = ['zfs', 'all', 'shared'].map((name) => join(template.pool.directory, name)) as [string, string, string];
  const script = `#!/bin/sh
read -r _ _ _ _ _ session _ < /proc/self/stat
echo "$1" >> ${all}
[ "$session" != ${ownSession()} ] || echo "$*" >> ${shared}
exec ${facts.tools.zfs} "$@"
`;
  writeFileSync(zfs, script, { mode: 0o755 });
  const watched = { ...context, facts: { ...facts, tools: { ...facts.tools, zfs } } };
  const ref = { kind: 'dataset', dataset: template.dataset } as const;
  await withOwnSessions(() => changeTemplate(ref, watched, async (store) => void (await (await store.replace()).commit())));
  await expect.poll(() => clonesLeft(template)).toEqual([]);
  expect(readFileSync(all, 'utf8').split('\n')).toEqual(expect.arrayContaining(['destroy', 'promote', 'rename']));
  expect(existsSync(shared) ? readFileSync(shared, 'utf8') : '').toBe('');
});

/** Field 6 of proc_pid_stat(5). */
function ownSession(): number {
  const text = readFileSync('/proc/self/stat', 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3]);
}

test('a change goes on where somebody looks for a moment at the tree that is to be unmounted', async () => {
  const kept = await changeTemplate({ kind: 'dataset', dataset: template.dataset }, await callerContext(), async (store) => {
    const replacement = await store.replace();
    const looking = spawn('sleep', ['0.2'], { cwd: replacement.root, stdio: 'ignore' });
    await once(looking, 'spawn');
    return await replacement.commit();
  });
  expect(kept).toEqual({ kept: expect.any(Object) as object });
});

async function makeUnmounted(name: string): Promise<string> {
  const dataset = `${template.dataset}-${name}`;
  await template.pool.zfs('create', '-o', 'canmount=off', dataset);
  return dataset;
}

test('a template that isolate itself has mounted for a moment is not mounted afterwards', async () => {
  const dataset = await makeUnmounted('seen');
  const [ref, context] = [{ kind: 'dataset', dataset } as const, await callerContext()];
  await changeTemplate(ref, context, async (store) => {
    const replacement = await store.replace();
    // As a list of templates does meanwhile, to read the record of each.
    await store.open();
    await replacement.commit();
  });
  expect(await template.pool.zfs('get', '-H', '-o', 'value', 'mounted,canmount,isolate:step', dataset)).toBe('no\noff\n-\n');
});

test('a tree is unmounted although somebody kills the umount that does it', async () => {
  const dataset = await makeUnmounted('unmounted');
  const { directory } = template.pool;
  const [script, umount, killed] = [join(directory, 'umount'), join(directory, 'real-umount'), join(directory, 'killed')] as const;
  copyFileSync('/bin/umount', umount);
  writeFileSync(script, `#!/bin/sh\n[ -e ${killed} ] || { touch ${killed}; kill -KILL $$; }\nexec ${umount} "$@"\n`, { mode: 0o755 });
  await whileReplaced('/bin/umount', script, async () => {
    const tree = await changeTemplate({ kind: 'dataset', dataset }, await callerContext(), (store) => store.open());
    await tree.close();
    expect([existsSync(killed), existsSync(tree.path)]).toEqual([true, false]);
  });
});

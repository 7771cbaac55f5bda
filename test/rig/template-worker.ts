/**
 * One process that changes a template, for tests with real processes: `template-worker.ts REF ACTION STEP [ZFS]`. REF is a TemplateRef as
 * JSON; ACTION is `create`, `look`, `snapshot`, `remove-snapshot`, `rollback`, `rename`, `remove`, `update` or `replace`. It kills itself at
 * the checkpoint STEP. ZFS takes the place of zfs(8).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { callerContext } from '../../src/template/context.ts';
import { changeTemplate, openStore } from '../../src/template/open-store.ts';
import type { TemplateRef } from '../../src/template/template-ref.ts';

const [refText = '', action = '', wanted = '', zfs] = process.argv.slice(2);
const ref = JSON.parse(refText) as TemplateRef;
const { facts, ...own } = await callerContext();
const context = {
  ...own,
  facts: zfs === undefined ? facts : { ...facts, tools: { ...facts.tools, zfs } },
  checkpoint: (step: string): void => {
    if (step === wanted) process.kill(process.pid, 'SIGKILL');
    process.stdout.write(`${step}\n`);
  },
};

/** The same template under another name. */
const other: TemplateRef = ref.kind === 'dataset' ? { ...ref, dataset: `${ref.dataset}-2` } : { ...ref, path: `${ref.path}-2` };

if (action === 'create') {
  const draft = await openStore(ref, context).begin();
  writeFileSync(join(draft.root, 'state'), 'created');
  await draft.commit('first');
} else {
  await changeTemplate(ref, context, async (store) => {
    if (action === 'snapshot') await store.snapshot('worker');
    if (action === 'remove-snapshot') {
      await store.snapshot('worker');
      await store.removeSnapshot('first');
    }
    if (action === 'rollback') await store.rollback('first');
    if (action === 'rename') await store.rename(other);
    if (action === 'remove') await store.remove();
    if (action === 'replace') {
      const replacement = await store.replace();
      writeFileSync(join(replacement.root, 'state'), 'replaced');
      await replacement.commit();
    }
    if (action === 'update') {
      const attempt = await store.attempt();
      writeFileSync(join(attempt.tree.path, 'state'), 'updated');
      await attempt.tree.close();
      await attempt.succeed();
    }
  });
}

/* 100 clones by a refresh beside 100 bare `zfs clone` commands one after the other; inside the guest: node refill.js [ROUNDS]. */
import { runCommand } from '../../src/process/command.ts';
import { openPool } from '../../src/pool/pool.ts';
import { runtimePaths } from '../../src/pool/paths.ts';
import { refresh } from '../../src/upkeep/refresh.ts';
import { openZfs } from '../../src/storage/zfs/driver.ts';
import { makePool, makeTemplate, zfs } from './pools.ts';

const count = 100;
const template = 'refill/template';
const tools = { zfs: '/usr/sbin/zfs', zpool: '/usr/sbin/zpool' };

await makePool('refill', '1G');
await makeTemplate(template);
const driver = await openZfs(template, { tools, run: runCommand, canIdmap: () => true });
const pool = openPool({ driver, runtime: runtimePaths('/run/isolate') });
const rounds = Number(process.argv[2] ?? 3);
for (let round = 0; round < rounds; round += 1) {
  const ourMs = await timed(async () => {
    const { fresh } = await refresh(pool, { count });
    if (fresh !== count) throw new Error(`The refresh made ${fresh} clones.`);
  });
  const destroyMs = await timed(() => refresh(pool, { count: 0 }));
  const bareMs = await timed(() => forEachClone((clone) => zfs('clone', `${template}@1`, clone)));
  const bareDestroyMs = await timed(() => forEachClone((clone) => zfs('destroy', clone)));
  const [ours, bare, destroyed, bareDestroyed] = [ourMs, bareMs, destroyMs, bareDestroyMs].map(Math.round);
  console.log(`${count} clones: refresh ${ours} ms, zfs clone ${bare} ms, ratio ${(ourMs / bareMs).toFixed(2)}`);
  console.log(
    `${count} destroyed: refresh ${destroyed} ms, zfs destroy ${bareDestroyed} ms, ratio ${(destroyMs / bareDestroyMs).toFixed(2)}`,
  );
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}

async function forEachClone(action: (clone: string) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < count; index += 1) await action(`refill/bare${index}`);
}

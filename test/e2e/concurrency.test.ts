import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate, startIsolate } from '../rig/isolate.ts';
import { expectSound } from '../rig/sound-pool.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
beforeAll(async () => {
  template = await makeZfsTemplate({ aligned: true });
});
afterAll(async () => {
  await template.pool.end();
});

async function refreshUntil(stopped: () => boolean): Promise<string[]> {
  const failures: string[] = [];
  while (!stopped()) {
    const { status, stderr } = await isolate(['refresh', '-q', template.dataset, '5']);
    if (status !== 0) failures.push(stderr);
  }
  return failures;
}

test('sixty runs at once on a pool of five all succeed, each on a clone of its own', { timeout: 300_000 }, async () => {
  await isolate(['refresh', template.dataset, '5']);
  let done = false;
  const refreshing = refreshUntil(() => done);
  // A run that finds the mark of another one was given a used clone.
  const runs = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      isolate(['-q', '--wait', '200', '-z', template.dataset, 'sh', '-c', `ls /used-* 2>/dev/null; touch /used-${index}; echo ${index}`]),
    ),
  );
  done = true;
  expect(await refreshing).toEqual([]);
  expect(runs).toEqual(runs.map((_, index) => ({ status: 0, signal: null, stdout: `${index}\n`, stderr: '' })));
  await expectSound(template, 5);
});

test('whatever is killed at any time, one refresh repairs the pool', { timeout: 300_000 }, async () => {
  let done = false;
  const refreshing = refreshUntil(() => done);
  const killed = Array.from({ length: 40 }, async (_, index) => {
    const child = startIsolate(['-q', '--wait', '200', '-z', template.dataset, 'sh', '-c', 'sleep 0.2']);
    child.stdout?.resume();
    child.stderr?.resume();
    const timer = setTimeout(() => child.kill('SIGKILL'), index * 37);
    await once(child, 'close');
    clearTimeout(timer);
  });
  const killedRefreshes = Array.from({ length: 6 }, async (_, index) => {
    const child = startIsolate(['refresh', '-q', template.dataset, '5']);
    const timer = setTimeout(() => child.kill('SIGKILL'), 150 + index * 211);
    await once(child, 'close');
    clearTimeout(timer);
  });
  await Promise.all([...killed, ...killedRefreshes]);
  done = true;
  await refreshing;
  await expectSound(template, 5);
});

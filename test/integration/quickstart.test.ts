import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkout, startSystemd, type SystemdContainer } from '../rig/systemd.ts';
import { makeTemplate, until } from '../rig/systemd-template.ts';

const dataset = 'isolate-demo/debian';
const state = '/var/lib/isolate-demo';
const directory = `${state}/debian`;
const isolate = `${checkout}/dist/isolate`;

let system: SystemdContainer;
beforeAll(async () => {
  system = await startSystemd({ as: 'checkout' });
  // In a pool that quickstart did not make, so --clean has to leave it.
  await makeTemplate(system, dataset);
  const steps = [`mkdir -m 700 ${state}`, `cp -a /${dataset} ${directory}`, `touch ${state}/made-by-isolate-quickstart`];
  await system.must(['sh', '-c', steps.join(' && ')]);
}, 300_000);
afterAll(async () => {
  await system.stop();
});

test('scripts/quickstart --clean refuses while runs are on the demo, names them, and removes it when they have ended', async () => {
  for (const [root, options] of [
    [directory, `-e chroot -t ${directory}`],
    [dataset, `-z ${dataset}`],
  ] as const) {
    await system.must(['sh', '-c', `${isolate} -q ${options} -- /bin/sleep 1000 > /run.log 2>&1 & echo $! > /run.pid`]);
    await until(
      'the run is there',
      async () => (await system.must([isolate, 'ps'])).includes('sleep'),
      async () => system.must(['cat', '/run.log']),
    );
    const files = await system.must(['find', state]);
    expect(await system.run([`${checkout}/scripts/quickstart`, '--clean'])).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(`^quickstart: these runs use the demo; end them first \\(${isolate} kill RUN\\):\n` + ` {4}[0-9a-f]{8} root ${root}\n$`),
      ) as string,
    });
    expect(await system.must(['find', state])).toBe(files);
    await system.must(['sh', '-c', 'kill $(cat /run.pid)']);
    await until('the run is gone', async () => !(await system.must([isolate, 'ps'])).includes('sleep'));
  }
  expect(await system.must([`${checkout}/scripts/quickstart`, '--clean'])).toContain('Remove the files of the demo');
  expect(await system.run(['test', '-e', state])).toMatchObject({ status: 1 });
  expect(await system.must(['zfs', 'list', '-H', '-o', 'name', dataset])).toBe(`${dataset}\n`);
});

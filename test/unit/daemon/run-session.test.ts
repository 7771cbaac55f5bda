import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';

import { commandLine } from '../../../src/cli/commands/serve.ts';
import type { Connection } from '../../../src/daemon/connection.ts';
import { handleRun, type RunServices } from '../../../src/daemon/run-session.ts';
import type { Message } from '../../../src/wire/frame.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What a command line is answered with, and how long others waited. */
async function answerTo(argv: readonly string[]): Promise<{ sent: string[]; parsed: number; tookMs: number }> {
  const sent: string[] = [];
  let parsed = 0;
  const connection = {
    peer: { uid: 1000, gid: 1000, groups: [], pid: 1, holder: null },
    closed: new AbortController().signal,
    send: (name: string) => void sent.push(name),
  } as unknown as Connection;
  const counted = { ...commandLine, parse: (words: readonly string[]) => ((parsed += 1), commandLine.parse(words)) };
  const message: Message = { name: 'run', items: argv.map((value) => ({ name: 'argument', value })) };
  const startMs = performance.now();
  await handleRun(connection, message, { commandLine: counted, keeps: () => false } as unknown as RunServices);
  return { sent, parsed, tookMs: performance.now() - startMs };
}

test.each([
  ['options', Array.from({ length: 30_000 }, () => '-q')],
  ['letters', [`-${'q'.repeat(100_000)}`]],
  ['words', ['-z', 'tank/t', '--', ...Array.from({ length: 30_000 }, () => 'word')]],
])('a command line of more %s than others can wait for is left to its caller unread', async (_what, argv) => {
  const { tookMs, ...rest } = await answerTo(argv);
  expect(rest).toEqual({ sent: ['fallback'], parsed: 0 });
  expect(tookMs).toBeLessThan(100);
});

test('a usual one is read', async () => {
  expect(await answerTo(['-z', 'tank/t', '--', ...Array.from({ length: 1000 }, () => 'word')])).toMatchObject({
    sent: ['fallback'],
    parsed: 1,
  });
});

test('while a clone is waited for neither the message nor the answer of its client is kept', { timeout: 30_000 }, async () => {
  const gone: string[] = [];
  const registry = new FinalizationRegistry<string>((name) => gone.push(name));
  const message = (name: Message['name'], items: Message['items']): Message => {
    const made = { name, items };
    registry.register(made, name);
    return made;
  };
  const waits = Promise.withResolvers<readonly string[]>();
  const connection = {
    peer: { uid: 1000, gid: 1000, groups: [], pid: 1, holder: null },
    closed: new AbortController().signal,
    ask: async () => message('answer', [{ name: 'variable', value: 'A=told' }]),
  } as unknown as Connection;
  const lease = ({ command }: { command: readonly string[] }): Promise<never> => (waits.resolve(command), new Promise(() => {}));
  const services = { commandLine, keeps: () => true, leases: { lease }, sandboxIds: () => null };
  const words = ['-q', '-z', 'tank/t', '-v', 'A', 'true', 'word'].map((value) => ({ name: 'argument' as const, value }));
  const run = handleRun(connection, message('run', [...words, { name: 'directory', value: '/' }]), services as unknown as RunServices);
  expect(await waits.promise).toEqual(['true', 'word']);
  await expect.poll(() => (collect(), gone.toSorted()), { timeout: 20_000 }).toEqual(['answer', 'run']);
  expect(run).toBeInstanceOf(Promise);
});

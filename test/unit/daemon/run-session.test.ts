import { expect, test } from 'vitest';

import { commandLine } from '../../../src/cli/commands/serve.ts';
import type { Connection } from '../../../src/daemon/connection.ts';
import { handleRun, type RunServices } from '../../../src/daemon/run-session.ts';
import type { Message } from '../../../src/wire/frame.ts';

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

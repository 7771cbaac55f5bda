import { spawn } from 'node:child_process';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { finished } from '../rig/isolate.ts';
import { startPty } from '../rig/pty.ts';
import { type QueryDaemon, startQueryDaemon } from '../rig/query-daemon.ts';

const waiting = 'waiting for a clone of tank/a (4 being made)';
const lost = 'isolate: The daemon ended while this run waited for a clone.';

let daemon: QueryDaemon;
beforeAll(async () => {
  daemon = await startQueryDaemon();
  daemon.wait = waiting;
});
afterAll(() => daemon.end());

const command = (...options: string[]): string[] => [...daemon.command(1234), ...options, '-z', 'tank/a', 'true'];

test('a terminal is told what a run of the program in Node waits for', async () => {
  const { see, screen, ended } = await startPty(command());
  await see(lost);
  await ended;
  expect(screen()).toContain(`isolate: ${waiting}\r\n${lost}`);
});

test.each([
  ['a pipe', false],
  ['a terminal with -q', true],
])('%s is not', async (_where, onTerminal) => {
  if (onTerminal) {
    const { see, screen, ended } = await startPty(command('-q'));
    await see(lost);
    await ended;
    expect(screen()).not.toContain(waiting);
    return;
  }
  const [file = '', ...args] = command();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { status, stderr } = await finished(child);
  expect({ status, lines: stderr.split('\n')[0] }).toEqual({ status: 125, lines: lost });
});

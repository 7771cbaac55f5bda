import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect, onTestFinished, test } from 'vitest';

import { attackPath, openClient, operations, startGate } from '../rig/gate.ts';

test('a user who reads no answers leaves room for those of others', async () => {
  const gate = await startGate(['--frame-seconds', '300']);
  const child = spawn(await attackPath(), ['crowd', '4321', gate.clients, '16'], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  expect(line.toString()).toBe('open: 16\n');
  const answer = Buffer.alloc(17 * 1024 * 1024, 'a');
  for (let index = 0; index < 16; index += 1) gate.send((await gate.next()).connection, operations.send, answer);
  const ended = [];
  while (ended.length < 15) ended.push((await gate.next()).operation);
  expect(ended).toEqual(Array(15).fill(operations.closed));
  const reader = await openClient(gate);
  gate.send(reader.number, operations.send, answer);
  expect((await reader.receive(answer.length)).length).toBe(answer.length);
});

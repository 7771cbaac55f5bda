import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { encodeMessage } from '../../src/wire/frame.ts';
import { compileStatic, make } from '../rig/compile.ts';
import { openClient, operations, startGate } from '../rig/gate.ts';

const member = '54301';
let linger: string;
beforeAll(async () => {
  linger = await compileStatic(join(import.meta.dirname, 'attacks/linger.c'));
}, 120_000);

/** Starts the attack and tells whether the kernel took the descriptor. */
async function attack(socket: string, bytes: string): Promise<{ readonly child: ChildProcess; readonly taken: string }> {
  const child = spawn(linger, [member, socket, bytes], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, taken: line.toString().trim() };
}

test('a lingering socket that is closed with what it came in holds up a program that reads', async () => {
  const { stdout } = await promisify(execFile)(linger, ['control']);
  expect(stdout).toBe('taken\nstands still\n');
});

const query = encodeMessage('query', [{ name: 'query', value: 'status' }]);

describe.each([
  ['a kernel that can refuse them', []],
  ['any kernel', ['CFLAGS=-DSO_PASSRIGHTS=999']],
])('descriptors that a client sends along on %s', (kernel, flags) => {
  test.each([
    ['with a frame', 'ISOM'],
    ['behind what is no frame', 'no frame at all'],
    ['unread', ''],
  ])('%s hold up nobody', async (_how, bytes) => {
    process.env['ISOLATE_TEST_GATE'] = join(await make('gate', flags, flags.length === 0 ? 'gate' : 'gate-taking'), 'isolate-gate');
    onTestFinished(() => void delete process.env['ISOLATE_TEST_GATE']);
    const gate = await startGate();
    // All of an attack is there before the front looks.
    process.kill(gate.front(), 'SIGSTOP');
    const attacks = [];
    for (let index = 0; index < 8; index += 1) attacks.push(await attack(gate.clients, bytes));
    if (kernel === 'any kernel') expect(attacks.map(({ taken }) => taken)).toEqual(Array(8).fill('taken'));
    for (const { child } of attacks.slice(4)) child.kill('SIGKILL');
    process.kill(gate.front(), 'SIGCONT');
    const other = await openOther(gate);
    other.socket.write(query);
    let frame = await gate.next();
    while (frame.operation !== operations.message) frame = await gate.next();
    expect(frame).toMatchObject({ connection: other.number, body: query });
  });
});

/** The connection of this process among those of the attacks. */
async function openOther(gate: Awaited<ReturnType<typeof startGate>>): Promise<Awaited<ReturnType<typeof openClient>>> {
  return await openClient({ ...gate, next: async () => await nextOpened(gate) });
}

async function nextOpened(gate: Awaited<ReturnType<typeof startGate>>): ReturnType<typeof gate.next> {
  for (;;) {
    const frame = await gate.next();
    if (frame.operation === operations.opened && frame.body.readUInt32LE(4) === 0) return frame;
  }
}

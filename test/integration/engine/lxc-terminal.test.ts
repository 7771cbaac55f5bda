import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { held, type Pty, startPty } from '../../rig/pty.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';

const main = [process.execPath, join(import.meta.dirname, '../../../src/cli/main.ts'), '-q', '-e', 'lxc'];

let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'isolate-lxc-terminal-'));
  await busyboxRootfs(join(work, 'root'));
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

describe.each(['', '--ephemeral'])('a command of the lxc engine on a terminal %s', (option) => {
  const line = (...command: readonly string[]): string[] => [
    ...main,
    '-t',
    join(work, 'root'),
    ...(option === '' ? [] : [option]),
    ...command,
  ];
  const start = async (...command: readonly string[]): Promise<Pty> => await startPty(line(...command));

  test('has a controlling terminal of its own, of the same size', async () => {
    const pty = await start('sh', '-c', 'stty size; test -t 0 && test -t 1 && test -t 2 && echo all; echo tty > /dev/tty');
    await pty.see('24 80');
    await pty.see('all');
    await pty.see('tty');
    expect(await pty.ended).toBe(0);
  });

  test('sees the window change', async () => {
    const pty = await start('sh', '-c', "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done");
    await pty.see('ready');
    pty.resize(50, 132);
    await pty.see('50 132');
    expect(await pty.ended).toBe(0);
  });

  test.each([
    ['\u0003', 130],
    ['\u001c', 131],
  ])('is ended by the key %j with status %i', async (key, status) => {
    const pty = await start('sh', '-c', 'ulimit -c 0; echo ready; exec cat');
    await pty.see('ready');
    // The shell itself would ignore the key, so it waits for an answer of cat.
    pty.type('line\r');
    await pty.see(/line\r\nline\r\n/);
    pty.type(key);
    expect(await pty.ended).toBe(status << 8);
  });

  test('controls jobs', async () => {
    const pty = await start('sh', '-i');
    // The shell has made its job before the job says so: a key that comes in between would be the shell's.
    pty.type('sh -c \'echo rea""dy; exec cat\'\r');
    await pty.see('ready');
    pty.type('\u001a');
    await pty.see('Stopped');
    pty.type('fg\r');
    await pty.see(/fg\r\nsh -c .*\r\n/);
    pty.type('line\r');
    await pty.see(/line\r\nline\r\n/);
    pty.type('\u0004');
    pty.type('echo st""ill; exit 5\r');
    await pty.see('still');
    expect(await pty.ended).toBe(5 << 8);
  });

  test('leaves modes and flags of the terminal as they were', async () => {
    const pty = await startPty(held(line('sh', '-c', 'stty raw -echo; echo ready; read -r line; kill -9 $$')));
    const before = await pty.state();
    pty.type('\r');
    await pty.see('ready');
    pty.type('x\n');
    expect({ status: (await pty.ended) >> 8, state: pty.lastState() }).toEqual({ status: 137, state: before });
  });

  test('ends when the terminal hangs up', async () => {
    const pty = await start('sh', '-c', 'echo ready; exec sleep 60');
    await pty.see('ready');
    pty.hangUp();
    expect(await pty.ended).toBeGreaterThan(0);
  });
});

import { expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { held, type Pty, startPty } from '../rig/pty.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const root = await busyboxRootfs();
const shell = (script: string): string[] => [isolatePath, '-q', '-e', 'kvm', '-t', root, '--read-only', '--', 'sh', '-c', script];

test('a command on a terminal has one of its own in the machine, of the same size, as its controlling one', async () => {
  const pty = await startPty(shell('stty size; test -t 0 && test -t 1 && test -t 2 && echo all; echo tty > /dev/tty; tty'));
  await pty.see('24 80');
  await pty.see('all');
  await pty.see('tty');
  await pty.see('/dev/pts/0');
  expect(await pty.ended).toBe(0);
});

test('a command sees the window change', async () => {
  const pty = await startPty(shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done"));
  await pty.see('ready');
  pty.resize(50, 132);
  await pty.see('50 132');
  expect(await pty.ended).toBe(0);
});

test('a command reads what is typed, edits and ends it as on any terminal', async () => {
  const pty = await startPty(shell('echo ready; cat; echo end'));
  await pty.see('ready');
  pty.type('abx\u007Fc\r');
  await pty.see(/abx.*\r\nabc\r\n/s);
  pty.type('\u0004');
  await pty.see('end');
  expect(await pty.ended).toBe(0);
});

test('a command gets every byte that is typed, and every byte that it writes appears, when it makes its terminal raw', async () => {
  const pty = await startPty(shell('stty raw -echo; echo ready; head -c 4 | od -An -tx1; printf "\\001\\r\\t\\033[1m"'));
  await pty.see('ready');
  pty.type('\u0003\u001A\r\u0000');
  await pty.see('03 1a 0d 00');
  await pty.see('\u0001\r\t\u001B[1m');
  expect(await pty.ended).toBe(0);
});

test.each([
  ['Ctrl-C', '\u0003', 130],
  ['Ctrl-\\', '\u001C', 131],
])('%s ends a command in a machine', async (_, key, status) => {
  // Busybox's shell itself ignores the second key.
  const pty = await startPty(shell('ulimit -c 0; (sleep 1; echo ready) & exec sleep 60'));
  await pty.see('ready');
  pty.type(key);
  expect(await pty.ended).toBe(status << 8);
});

test('the terminal is as it was before when the command has ended, whatever it did to its own', async () => {
  const pty = await startPty(held(shell('stty raw -echo; echo ready')));
  const before = await pty.state();
  pty.type('\r');
  await pty.see('ready');
  expect({ status: await pty.ended, state: pty.lastState() }).toEqual({ status: 0, state: before });
});

/** A shell of the host with job control. */
async function hostShell(): Promise<Pty> {
  const pty = await startPty(['/bin/bash', '--norc', '--noprofile', '--noediting', '-i'], { PS1: 'host>' });
  await pty.see('host>');
  return pty;
}

test('a machine is a job: Ctrl-Z stops it for the shell of the host, and fg goes on', async () => {
  const pty = await hostShell();
  const words = shell('echo ready; read -r line; echo "got $line"').map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`);
  pty.type(`${words.join(' ')}\r`);
  await pty.see(/ready\r\n/);
  pty.type('\u001A');
  await pty.see(/Stopped.*host>/s);
  pty.type('fg\r');
  await pty.see(/fg\r\n.*\r\n/);
  pty.type('more\r');
  await pty.see('got more');
  await pty.see('host>');
});

test('inside, a shell has job control of its own', async () => {
  const pty = await startPty([isolatePath, '-q', '-e', 'kvm', '-t', root, '--read-only', '-v', 'PS1=inside>', '--', 'sh', '-i']);
  await pty.see('inside>');
  pty.type("(echo run''ning; exec sleep 100)\r");
  await pty.see('running');
  pty.type('\u0003');
  await pty.see('inside>');
  pty.type('sleep 100 &\r');
  await pty.see('inside>');
  pty.type('kill %1; wait; echo done; exit 3\r');
  await pty.see(/\ndone/);
  expect(await pty.ended).toBe(3 << 8);
});

test('Ctrl-C reaches a command whose input is no terminal', async () => {
  const pty = await startPty([
    '/bin/sh',
    '-c',
    `echo input | ${shell('(sleep 1; echo ready) & exec sleep 60')
      .map((word) => `'${word}'`)
      .join(' ')}`,
  ]);
  await pty.see('ready');
  pty.type('\u0003');
  expect([130 << 8, 2]).toContain(await pty.ended);
});

test('where only the input is a terminal, Ctrl-D ends it', async () => {
  const pty = await startPty([
    '/bin/sh',
    '-c',
    `${shell('echo ready; cat; echo end')
      .map((word) => `'${word}'`)
      .join(' ')} | cat`,
  ]);
  await pty.see('ready');
  pty.type('line\r');
  await pty.see(/line.*line/s);
  pty.type('\u0004');
  await pty.see('end');
  expect(await pty.ended).toBe(0);
});

test('where only the input is a terminal, what is typed appears once', async () => {
  const pty = await startPty([
    '/bin/sh',
    '-c',
    `${shell('read -r line; echo "[$line]"')
      .map((word) => `'${word}'`)
      .join(' ')} | cat`,
  ]);
  await new Promise((resolve) => void setTimeout(resolve, 100));
  pty.type('typed\r');
  await pty.see('[typed]');
  await pty.ended;
  expect(pty.screen().split('typed').length - 1).toBe(2);
});

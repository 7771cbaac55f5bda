import { expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { held, type Pty, startPty } from '../rig/pty.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { checkOwnTerminal, checkTypedLines, checkWindowChange } from '../rig/terminal-checks.ts';

const root = await busyboxRootfs();
const shell = (script: string): string[] => [isolatePath, '-q', '-e', 'kvm', '-t', root, '--read-only', '--', 'sh', '-c', script];

const start = (script: string): Promise<Pty> => startPty(shell(script));

test('a command on a terminal has one of its own in the machine, of the same size, as its controlling one', () => checkOwnTerminal(start));
test('a command sees the window change', () => checkWindowChange(start));
test('a command reads what is typed, edits and ends it as on any terminal', () => checkTypedLines(start));

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
  pty.type(`${quoted(shell('echo ready; read -r line; echo "got $line"'))}\r`);
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
  const pty = await startPty(['/bin/sh', '-c', `echo input | ${quoted(shell('(sleep 1; echo ready) & exec sleep 60'))}`]);
  await pty.see('ready');
  pty.type('\u0003');
  expect([130 << 8, 2]).toContain(await pty.ended);
});

test('where only the input is a terminal, Ctrl-D ends it', async () => {
  const pty = await startPty(['/bin/sh', '-c', `${quoted(shell('echo ready; cat; echo end'))} | cat`]);
  await pty.see('ready');
  pty.type('line\r');
  await pty.see(/line.*line/s);
  pty.type('\u0004');
  await pty.see('end');
  expect(await pty.ended).toBe(0);
});

test('where only the input is a terminal, what is typed appears once', async () => {
  const pty = await startPty(['/bin/sh', '-c', `${quoted(shell('echo ready; read -r line; echo "[$line]"'))} | cat`]);
  await pty.see('ready');
  pty.type('typed\r');
  await pty.see('[typed]');
  await pty.ended;
  expect(pty.screen().split('typed').length - 1).toBe(2);
});

test('a command whose output and errors go elsewhere is not held up by what it writes to its terminal', async () => {
  const script = 'head -c 300000 /dev/zero > /dev/tty; echo done';
  const pty = await startPty(['/bin/sh', '-c', `${quoted(shell(script))} 2> /dev/null | cat`]);
  await pty.see('done');
  expect(await pty.ended).toBe(0);
});

test('a machine in the background of a shell is stopped until it is brought to the foreground', async () => {
  const pty = await hostShell();
  pty.type(`${quoted(shell('echo ran'))} &\r`);
  await pty.see(/\[1\].*host>/s);
  // The shell tells of a stop before its next prompt.
  await expect.poll(() => (pty.type('\r'), pty.screen().includes('Stopped')), { timeout: 30_000, interval: 200 }).toBe(true);
  pty.type('fg\r');
  await pty.see('\nran');
});

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}

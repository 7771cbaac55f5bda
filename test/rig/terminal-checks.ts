import { expect } from 'vitest';

import type { Pty } from './pty.ts';

/** Starts a shell with this script as the command on a terminal of 24 by 80. */
type StartShell = (script: string) => Promise<Pty>;

/** The command has a terminal of its own, of the same size, as its controlling one. */
export async function checkOwnTerminal(start: StartShell): Promise<void> {
  const pty = await start('stty size; test -t 0 && test -t 1 && test -t 2 && echo all; echo tty > /dev/tty');
  await pty.see('24 80');
  await pty.see('all');
  await pty.see('tty');
  expect(await pty.ended).toBe(0);
}

/** The command is told when the window changes. */
export async function checkWindowChange(start: StartShell): Promise<void> {
  const pty = await start("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done");
  await pty.see('ready');
  pty.resize(50, 132);
  await pty.see('50 132');
  expect(await pty.ended).toBe(0);
}

/** The command reads what is typed, edited and ended as on any terminal. */
export async function checkTypedLines(start: StartShell): Promise<void> {
  const pty = await start('echo ready; cat; echo end');
  await pty.see('ready');
  pty.type('abx\u007Fc\r');
  await pty.see(/abx.*\r\nabc\r\n/s);
  pty.type('\u0004');
  await pty.see('end');
  expect(await pty.ended).toBe(0);
}

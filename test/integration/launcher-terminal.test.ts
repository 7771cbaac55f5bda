import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { answerWithLaunches, installClient } from '../rig/client.ts';
import { launcherPath } from '../rig/launches.ts';
import { held, type Pty, startPty } from '../rig/pty.ts';
import { checkOwnTerminal, checkTypedLines, checkWindowChange } from '../rig/terminal-checks.ts';

const throughNode = [process.execPath, join(import.meta.dirname, '../rig/launch-main.ts')];
let main = throughNode;
const environment = { ISOLATE_TEST_LAUNCHER: '' };

beforeAll(async () => {
  environment.ISOLATE_TEST_LAUNCHER = await launcherPath();
});

/** A shell with job control, its prompt `host>`; `L` stands for the program that starts launches. */
async function hostShell(): Promise<Pty> {
  const pty = await startPty(['/bin/bash', '--norc', '--noprofile', '--noediting', '-i'], {
    ...environment,
    PS1: 'host>',
    L: main.join(' '),
  });
  await pty.see('host>');
  return pty;
}

function words(screen: string): string {
  return screen.replaceAll('\r', '');
}

/** The rig's child is the program, its child the launcher, its child the engine; the client is program and launcher. */
function firstChild(pid: number): number {
  const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
  // A signal to 0 would be one to the test's own process group.
  if (child === 0) throw new Error(`process ${pid} has no child`);
  return child;
}

describe.each([
  ['init', 'through Node'],
  ['bwrap', 'through Node'],
  ['init', 'by the client'],
  ['bwrap', 'by the client'],
])('a command on a terminal, started %s %s', (wrapping, way) => {
  const byClient = way === 'by the client';
  beforeEach(async () => {
    if (byClient) await answerWithLaunches();
    main = byClient ? [await installClient()] : throughNode;
  });

  const sh = (script: string): string[] => [...main, wrapping, '/bin/sh', '-c', script];

  const startShell = (script: string): Promise<Pty> => startPty(sh(script), environment);

  it('has a terminal of its own, of the same size, as its controlling one', () => checkOwnTerminal(startShell));
  it('sees the window change', () => checkWindowChange(startShell));
  it('reads what is typed, edits and ends it as on any terminal', () => checkTypedLines(startShell));

  it('is interrupted by Ctrl-C and quit by Ctrl-\\', async () => {
    for (const [key, status] of [
      ['\x03', 130],
      ['\x1c', 131],
    ] as const) {
      const pty = await startPty([...main, wrapping, '/bin/sh', '-c', 'ulimit -c 0; echo ready; exec sleep 60'], environment);
      await pty.see('ready');
      pty.type(key);
      expect(await pty.ended).toBe(status << 8);
    }
  });

  it('handles Ctrl-C itself where it wants to', async () => {
    const pty = await startPty(
      sh("trap 'echo caught' INT; echo ready; while :; do sleep 0.1; [ -e /dev/null ] && read -r line && exit 4; done"),
      environment,
    );
    await pty.see('ready');
    pty.type('\x03');
    await pty.see('caught');
    pty.type('x\r');
    expect(await pty.ended).toBe(4 << 8);
  });

  it('leaves modes and flags of the terminal as they were, whatever it did to its own', async () => {
    const pty = await startPty(held(sh('echo ready; stty raw -echo; sleep 60')), environment);
    const before = await pty.state();
    pty.type('\r');
    await pty.see('ready');
    expect(await pty.state()).not.toBe(before);
    const launcher = byClient ? firstChild(pty.child.pid ?? 0) : firstChild(firstChild(pty.child.pid ?? 0));
    process.kill(firstChild(launcher), 'SIGKILL');
    // The engine leads the session: its death hangs the command up, and kills it.
    expect({ wasKilled: [129, 137].includes((await pty.ended) >> 8), state: await stateAfter(pty) }).toEqual({
      wasKilled: true,
      state: before,
    });
  });

  // The client is itself the launcher: nothing of ours is left then, and shells set the modes back.
  it.each(byClient ? [] : ['launcher'])('leaves the terminal as it was when the %s is killed', async () => {
    const pty = await startPty(held(sh('echo ready; sleep 60')), environment);
    const before = await pty.state();
    pty.type('\r');
    await pty.see('ready');
    process.kill(firstChild(firstChild(pty.child.pid ?? 0)), 'SIGKILL');
    expect({ status: (await pty.ended) >> 8, state: await stateAfter(pty) }).toEqual({ status: 137, state: before });
  });

  it('leaves the terminal as it was when the launcher’s parent is killed', async () => {
    const pty = await hostShell();
    const before = await pty.state();
    pty.type(`$L ${wrapping} /bin/sh -c 'echo rea""dy; sleep 60'\r`);
    await pty.see('ready');
    process.kill(firstChild(firstChild(pty.child.pid ?? 0)), 'SIGKILL');
    await pty.see('Killed');
    await pty.see('host>');
    pty.type('stty -a; exit\r');
    await pty.see(' icanon ');
    await pty.ended;
    expect(await stateAfter(pty)).toBe(before);
  });

  it('ends when the terminal hangs up', async () => {
    const pty = await startPty(sh('echo ready; sleep 60'), environment);
    await pty.see('ready');
    pty.hangUp();
    expect(await pty.ended).toBeGreaterThan(0);
  });

  it('is stopped by Ctrl-Z together with its job, and brought back by fg', async () => {
    const pty = await hostShell();
    pty.type(`$L ${wrapping} /bin/sh -c 'echo rea""dy; read x; echo got $x'\r`);
    await pty.see('ready');
    pty.type('\x1a');
    await pty.see('Stopped');
    await pty.see('host>');
    pty.type('echo in-the-sh""ell\r');
    await pty.see('in-the-shell');
    pty.type('fg\r');
    await pty.see('/bin/sh -c');
    pty.type('input\r');
    await pty.see('got input');
    await pty.see('host>');
    pty.type('exit 5\r');
    expect(await pty.ended).toBe(5 << 8);
  });

  it('continues in the background with bg and can be brought back', async () => {
    const pty = await hostShell();
    pty.type(`$L ${wrapping} /bin/sh -c 'echo rea""dy; sleep 1000; echo wo""rked; read x; echo got $x'\r`);
    await pty.see('ready');
    const sleeper = await settled(pty, 'sleep 1000');
    pty.type('\x1a');
    await pty.see('Stopped');
    await pty.see('host>');
    pty.type('bg\r');
    // Its shell goes on only in the background.
    process.kill(sleeper, 'SIGKILL');
    await pty.see('worked');
    pty.type('echo still-the-sh""ell\r');
    await pty.see('still-the-shell');
    pty.type('fg\r');
    await pty.see('/bin/sh -c');
    pty.type('input\r');
    await pty.see('got input');
    await pty.see('host>');
    pty.type('exit\r');
    expect(await pty.ended).toBe(0);
  });

  describe('where no shell is above it that could bring it back', () => {
    it('continues when it stops itself and a key is typed', async () => {
      const script = 'echo ready; kill -STOP $$; echo back; read x; echo got $x';
      const pty = await startPty(sh(script), environment);
      await pty.see('ready');
      await settled(pty, `/bin/sh -c ${script}`, 'T');
      pty.type('a');
      await pty.see('back');
      pty.type('b\r');
      await pty.see('got ab');
      expect(await pty.ended).toBe(0);
    });

    it('continues when Ctrl-Z is typed', async () => {
      const pty = await startPty(sh("trap 'echo continued' CONT; echo ready; while :; do read x && break; done; echo got $x"), environment);
      await pty.see('ready');
      pty.type('\x1a');
      await pty.see('continued');
      pty.type('input\r');
      await pty.see('got input');
      expect(await pty.ended).toBe(0);
    });

    it('continues after SIGTSTP from outside, and can be ended', async () => {
      const pty = await startPty(
        ['/bin/sh', '-c', '"$@"; echo status $?', 'sh', ...sh("trap 'echo continued' CONT; echo ready; while :; do sleep 0.1; done")],
        environment,
      );
      await pty.see('ready');
      const program = firstChild(firstChild(pty.child.pid ?? 0));
      process.kill(program, 'SIGTSTP');
      await pty.see('continued');
      process.kill(program, 'SIGTERM');
      await pty.see('status 143');
      expect(await pty.ended).toBe(0);
    });
  });

  it('is stopped before it draws when it wants the whole terminal in the background, and draws by fg', async () => {
    const pty = await hostShell();
    pty.type(`$L ${wrapping} /bin/sh -c 'stty raw -echo; echo dra""wn; read -r x; stty cooked; echo got $x' &\r`);
    await pty.see('host>');
    pty.type('wait %1; jo""bs\r');
    await pty.see('Stopped');
    await pty.see('host>');
    expect(pty.screen()).not.toContain('drawn');
    pty.type('fg\r');
    await pty.see('drawn');
    pty.type('key\n');
    await pty.see('got key');
    await pty.see('host>');
    pty.type('exit\r');
    expect(await pty.ended).toBe(0);
  });

  it.each([
    ['the position of the cursor', String.raw`\033[6n`, '\x1b[12;34R'],
    ['a colour', String.raw`\033]11;?\007`, '\x1b]11;rgb:0000/0000/0000\x1b\\'],
    ['the status, which is also asked for at the end', String.raw`\033[5n\033[5n`, '\x1b[0n\x1b[0n'],
    ['the kind of terminal', String.raw`\033[c`, '\x1b[?62;22c'],
    ['a setting', String.raw`\033P$qm\033\\`, '\x1bP1$r0m\x1b\\'],
    ['the position, with a control character within the question', String.raw`\033\001[6\007n`, '\x1b[12;34R'],
    ['the position, by a control character of UTF-8', String.raw`\302\2336n`, '\x1b[12;34R'],
    ['the kind of terminal, by a control character of UTF-8', String.raw`\302\232`, '\x1b[?62;22c'],
    ['what it can draw', String.raw`\033[?1;1;0S`, '\x1b[?1;0;256S'],
    ['how its keys are set', String.raw`\033[?4m`, '\x1b[>4;2m'],
  ])('keeps the answer from the shell when it asked the terminal for %s and ended', async (_, question, answer) => {
    const pty = await hostShell();
    const asked = question.split('[5n').length;
    pty.answer(asked, `${answer}\x1b[0n`);
    pty.type(`$L ${wrapping} /bin/sh -c 'echo rea""dy; printf "${question}"'\r`);
    await pty.see(/ready.*\x1b\[5nhost>$/s);
    // What came too early would be in the shell's line, or on the screen as its echo.
    pty.type('echo cle""an\r');
    await pty.see(/^echo cle""an\r\nclean/);
    pty.type('exit\r');
    expect(await pty.ended).toBe(0);
  });

  it('does not wait for ever for a terminal that answers nothing, and leaves its modes as they were', async () => {
    const pty = await startPty(held(sh(String.raw`echo ready; printf "\033[6n"`)), environment);
    const before = await pty.state();
    pty.type('\r');
    await pty.see('ready');
    expect({ ended: await pty.ended, state: await stateAfter(pty) }).toEqual({ ended: 0, state: before });
  });

  it('asks the terminal nothing after colours, titles, a moved cursor and letters of any script', async () => {
    const printed = String.raw`\033[31mred\033[0m \033]0;title\007\033[2J\033[?25l\033[10;10H\033(B` + 'Аbc “Really” is it? 盛 n 𝄛c';
    const pty = await startPty(sh(`printf '${printed}'`), environment);
    expect({ ended: await pty.ended, screen: pty.screen() }).toEqual({
      ended: 0,
      screen: printed.replaceAll(String.raw`\033`, '\x1b').replaceAll(String.raw`\007`, '\x07'),
    });
  });

  it('runs a shell with job control inside', async () => {
    const pty = await startPty([...main, wrapping, '/bin/bash', '--norc', '--noediting', '-i'], environment);
    await pty.see(/[$#] $/);
    pty.type('echo $$; sleep 61; echo interru""pted\r');
    await pty.see('sleep 61');
    await settled(pty, 'sleep 61');
    pty.type('\x1a');
    await pty.see('Stopped');
    await pty.see(/[$#] $/);
    pty.type('fg\r');
    await pty.see(/fg\s+sleep 61/);
    await settled(pty, 'sleep 61');
    pty.type('\x03');
    await pty.see('^C');
    await pty.see(/[$#] $/);
    pty.type('exit 3\r');
    expect(await pty.ended).toBe(3 << 8);
    expect(pty.screen()).not.toContain('no job control');
  });

  it('keeps its own standard output apart when that is a pipe, and leaves the keyboard to the reader', async () => {
    const pty = await hostShell();
    pty.type(`$L ${wrapping} /bin/sh -c 'test -t 1 || echo pi""pe; echo er""ror >&2' | sed s/^/out:/\r`);
    await pty.see(/error|out:pipe/);
    await pty.see(/error|out:pipe/);
    await pty.see('host>');
    pty.type(`$L ${wrapping} seq 1 100000 | TERM=vt100 less\r`);
    await pty.see('23');
    pty.type('G');
    await pty.see('100000');
    pty.type('q');
    await pty.see('host>');
    pty.type('exit\r');
    await pty.ended;
    expect(words(pty.screen())).toContain('out:pipe\n');
  });

  it('reads standard input from a pipe and keys from the terminal', async () => {
    const pty = await hostShell();
    pty.type(`echo from-the-pi""pe | $L ${wrapping} /bin/sh -c 'cat; echo rea""dy; read x < /dev/tty; echo got $x'\r`);
    await pty.see('from-the-pipe');
    await pty.see('ready');
    pty.type('key\r');
    await pty.see('got key');
    await pty.see('host>');
    pty.type('exit\r');
    expect(await pty.ended).toBe(0);
  });

  it('shows every byte it wrote before it ended', async () => {
    const pty = await startPty(sh('seq 1 20000'), environment);
    expect(await pty.ended).toBe(0);
    expect(words(pty.screen())).toBe(Array.from({ length: 20000 }, (_, index) => `${index + 1}\n`).join(''));
  });
});

/** Waits until a process with these words sleeps, or is stopped, in the foreground of its terminal, where keys reach it; its number. */
async function settled(pty: Pty, words: string, wanted: 'S' | 'T' = 'S'): Promise<number> {
  const isSettled = (pid: number): boolean => {
    const [state, , group, , , foreground] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return state === wanted && group === foreground && readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() === words;
  };
  const findBelow = (pid: number): number | undefined => {
    try {
      if (isSettled(pid)) return pid;
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
      return children.map(findBelow).find((found) => found !== undefined);
    } catch {
      // It ended while it was looked at.
      return undefined;
    }
  };
  for (;;) {
    const found = findBelow(pty.child.pid ?? 0);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The state the rig reported when the command had ended. */
async function stateAfter(pty: Pty): Promise<string | undefined> {
  await pty.ended;
  return pty.lastState();
}

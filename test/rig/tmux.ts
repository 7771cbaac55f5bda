import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A terminal as a person has it: a shell with job control in tmux, its prompt `host$ `. */
export interface Tmux {
  /** The screen as it is now, without blanks at the ends of lines. */
  readonly screen: () => string;
  /** Types `text` as it is. */
  readonly type: (text: string) => void;
  /** Presses keys by tmux's names: `Enter`, `C-c`, `Escape`. */
  readonly press: (...keys: readonly string[]) => void;
  readonly resize: (columns: number, rows: number) => void;
  /** Waits until the screen matches; throws with the screen after `limitMs`. */
  readonly see: (pattern: RegExp, limitMs?: number) => Promise<void>;
  /** Waits until the shell asks for a command: its prompt is the last of the screen, and not one of an earlier line. */
  readonly prompt: () => Promise<void>;
  readonly end: () => void;
}

/** Starts one of 80 columns and 24 rows. */
export async function startTmux(environment: Readonly<Record<string, string>> = {}): Promise<Tmux> {
  const name = `isolate-test-${randomBytes(6).toString('hex')}`;
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: '/root', LC_ALL: 'C', TERM: 'xterm', ...environment };
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-L', name, '-f', '/dev/null', ...args], { encoding: 'utf8', env, timeout: 30_000 });
  // dash, unlike bash, leaves the terminal as a job left it.
  tmux('new-session', '-d', '-x', '80', '-y', '24', "exec env 'PS1=host$ ' /bin/dash -i");
  tmux('set-option', '-g', 'status', 'off');
  // What led to a screen the screen does not tell. It stands in the first line of an error, which every summary shows.
  const written = join(tmpdir(), name);
  tmux('pipe-pane', `exec cat > ${written}`);
  const lastWritten = (): string => JSON.stringify(readFileSync(written, 'latin1').slice(-1500));
  const screen = (): string => tmux('capture-pane', '-p').replaceAll(/ +$/gm, '');
  const see = async (pattern: RegExp, limitMs = 30_000): Promise<void> => {
    const deadline = Date.now() + limitMs;
    for (let now = screen(); !pattern.test(now); now = screen()) {
      if (Date.now() > deadline) throw new Error(`${String(pattern)} did not come after ${lastWritten()}; the screen:\n${now}`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  const prompt = (): Promise<void> => see(/^host\$\n*$(?![^])/m);
  await prompt();
  return {
    screen,
    type: (text) => void tmux('send-keys', '-l', '--', text),
    press: (...keys) => void tmux('send-keys', ...keys),
    resize: (columns, rows) => void tmux('resize-window', '-x', String(columns), '-y', String(rows)),
    see,
    prompt,
    end: () => {
      tmux('kill-server');
      rmSync(written, { force: true });
    },
  };
}

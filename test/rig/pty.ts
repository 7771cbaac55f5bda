import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { onTestFinished } from 'vitest';

import { compileStatic } from './compile.ts';

/** A scripted terminal with a command on it. */
export interface Pty {
  /** All that appeared on the screen. */
  readonly screen: () => string;
  readonly type: (text: string) => void;
  readonly resize: (rows: number, columns: number) => void;
  readonly hangUp: () => void;
  /** Types `text`, sooner than a test could, when the terminal has been asked so often for its status. */
  readonly answer: (count: number, text: string) => void;
  /** Waits until `text` appears behind what was waited for before; throws with the screen after `limitMs`. */
  readonly see: (text: string | RegExp, limitMs?: number) => Promise<void>;
  /** Modes of the terminal and the non-blocking flag of its open file, as one comparable string. */
  readonly state: () => Promise<string>;
  /** The same as of the latest report; the last comes when the command has ended. */
  readonly lastState: () => string | undefined;
  /** Settles with the command's wait status when it has ended. */
  readonly ended: Promise<number>;
  readonly child: ChildProcess;
}

/** Starts `command` as the leader of a session on a pty of its own, 24 by 80. */
export async function startPty(command: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Pty> {
  const program = await compileStatic(join(import.meta.dirname, 'pty.c'));
  const env = { PATH: '/usr/bin:/bin', TERM: 'dumb', PS1: '$ ', ...environment };
  const child = spawn(program, ['24', '80', ...command], { stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'], env });
  // A test that gives up leaves nobody waiting at a prompt; the hang-up ends what is on the terminal.
  onTestFinished(() => void child.kill('SIGKILL'));
  let screen = '';
  let answers = '';
  let seen = 0;
  const watchers = new Set<() => void>();
  const changed = (): void => watchers.forEach((watcher) => watcher());
  child.stdout?.on('data', (chunk: Buffer) => ((screen += chunk.toString()), changed()));
  (child.stdio[4] as Readable).on('data', (chunk: Buffer) => ((answers += chunk.toString()), changed()));
  for (const stream of [child.stdin, child.stdio[3] as Writable]) stream?.on('error', () => undefined);
  const order = (line: string): void => void (child.stdio[3] as Writable).write(`${line}\n`);

  const until = async <T>(find: () => T | null, what: string, limitMs: number): Promise<T> =>
    await new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(look);
        reject(new Error(`${what} did not come; the screen:\n${screen}`));
      }, limitMs);
      const look = (): void => {
        const found = find();
        if (found === null) return;
        clearTimeout(timer);
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });

  const see = async (text: string | RegExp, limitMs = 30_000): Promise<void> => {
    const pattern = typeof text === 'string' ? new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)) : text;
    seen += await until(
      () => {
        const match = pattern.exec(screen.slice(seen));
        return match === null ? null : match.index + match[0].length;
      },
      String(text),
      limitMs,
    );
  };
  const ended = until(() => /^ended (\d+)$/m.exec(answers)?.[1] ?? null, 'the end', 100_000).then(Number);
  ended.catch(() => undefined);
  return {
    screen: () => screen,
    type: (text) => void child.stdin?.write(text),
    resize: (rows, columns) => order(`resize ${rows} ${columns}`),
    hangUp: () => order('hang-up'),
    answer: (count, text) => order(`answer ${count} ${text}`),
    see,
    state: async () => {
      const from = answers.length;
      order('state');
      return await until(() => /^state (.*)$/m.exec(answers.slice(from))?.[1] ?? null, 'the state', 30_000);
    },
    lastState: () => [...answers.matchAll(/^state (.*)$/gm)].at(-1)?.[1],
    ended,
    child,
  };
}

/** The same command, which begins once a line was typed: until then nobody has touched the terminal. */
export function held(command: readonly string[]): string[] {
  return ['/bin/sh', '-c', 'read -r _; exec "$@"', 'sh', ...command];
}

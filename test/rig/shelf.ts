import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

import { gatePath } from './gate.ts';

/** isolate-gate as the keeper of a shelf. */
export interface ShelfCompanion {
  readonly child: ChildProcess;
  /** Sends one command; its answer. */
  readonly ask: (command: string) => Promise<number>;
}

/** Ends with the test. `wrap` stands before the command line. */
export async function startShelf(directory: string, wrap: readonly string[] = []): Promise<ShelfCompanion> {
  const [file, ...args] = [...wrap, await gatePath(), 'shelf', directory];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const answers: ((answer: number) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => answers.shift()?.(Number(line)));
  return {
    child,
    ask: (command) =>
      new Promise((resolve) => {
        answers.push(resolve);
        child.stdin.write(`${command}\n`);
      }),
  };
}

/** Whether this process's mount namespace has something mounted there. */
export function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
}

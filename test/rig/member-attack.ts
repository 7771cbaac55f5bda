import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { compileStatic } from './compile.ts';
import { socketFile } from './daemon.ts';

/** A running test/security/attacks/member.c. */
export interface Attack {
  readonly child: ChildProcess;
  /** The next line that it prints; null: it has ended. */
  readonly next: () => Promise<string | null>;
}

/** Path of member.c, compiled. */
export async function attackProgram(): Promise<string> {
  return await compileStatic(join(import.meta.dirname, '../security/attacks/member.c'));
}

/** Starts it as this user; it ends with the test. `args` as its own comment has them, from the name of the attack on. */
export function startAttack(
  program: string,
  { uid, groups }: { readonly uid: number; readonly groups: readonly number[] },
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Attack {
  const child = spawn(program, [String(uid), groups.join(','), socketFile, ...args], { stdio: ['pipe', 'pipe', 'inherit'], env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = readLines(child.stdout as AsyncIterable<Buffer>);
  return { child, next: async () => ((await lines.next()).value as string | undefined) ?? null };
}

async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

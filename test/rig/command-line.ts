import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const entry = join(import.meta.dirname, '../../src/cli/main.ts');

/** How a command line ended and what it wrote. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line from its sources to its end. `descriptors` are opened from 3 on. */
export function commandLine(
  args: readonly string[],
  descriptors: readonly number[] = [],
  environment: NodeJS.ProcessEnv = process.env,
): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
  });
  return { status, stdout, stderr };
}

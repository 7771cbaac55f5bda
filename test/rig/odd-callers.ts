import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { finished, isolatePath } from './isolate.ts';

/** How an odd caller's command line ended. */
export interface OddEnd {
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of the report of test/rig/caller.c. */
  readonly report: readonly string[];
}

/** Runs isolate behind the program of test/rig/caller.c with its actions. */
export async function runAsOddCaller(
  program: string,
  actions: readonly (readonly [name: string, value: string])[],
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<OddEnd> {
  const child = spawn(program, ['3', ...actions.flat(), '--', isolatePath, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: environment,
    cwd: '/',
  });
  const report: Buffer[] = [];
  child.stdio[3]?.on('data', (chunk: Buffer) => report.push(chunk));
  const { stdout, stderr } = await finished(child);
  return { stdout, stderr, report: Buffer.concat(report).toString().split('\n').filter(Boolean) };
}

/** Names of the homes that `makeHomes` makes. The last two are for the actions of the same name. */
export const homes = [
  'own',
  'link',
  'unwritable',
  'unreadable',
  'file',
  'loop',
  'dangling',
  'local-file',
  'local-foreign',
  'state-open',
  'state-link',
  'a b,c:d\\e"f',
  'line\nbreak',
  'read-only',
  'full',
  'no-inodes',
] as const;

/** Makes the homes of one user below `directory`, and one below that is another's. */
export function makeHomes(directory: string, uid: number): void {
  const own = (name: string, mode = 0o755): string => {
    const path = join(directory, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
    chownSync(path, uid, uid);
    return path;
  };
  own('.');
  for (const name of ['own', 'a b,c:d\\e"f', 'line\nbreak', 'read-only', 'full', 'no-inodes']) own(name, 0o700);
  symlinkSync('own', join(directory, 'link'));
  own('unwritable', 0o500);
  own('unreadable', 0o000);
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('loop', join(directory, 'loop'));
  symlinkSync('nowhere', join(directory, 'dangling'));
  writeFileSync(join(own('local-file'), '.local'), '');
  mkdirSync(join(own('local-foreign'), '.local'), { mode: 0o700 });
  chownSync(join(directory, 'local-foreign/.local'), uid + 1, uid + 1);
  for (const name of ['state-open', 'state-link']) for (const part of ['', '.local', '.local/state']) own(join(name, part));
  own('state-open/.local/state/isolate', 0o777);
  symlinkSync('../../../own', join(directory, 'state-link/.local/state/isolate'));
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { finished, type Finished, isolatePath } from './isolate.ts';

/** A host that ssh calls `far`, with a pool `far` and isolate's own state. */
export interface SshHost {
  /** Starts isolate where ssh reaches that host. */
  readonly start: (args: readonly string[]) => ChildProcess;
  readonly isolate: (args: readonly string[], input?: string) => Promise<Finished>;
  /** Runs a command there, and returns its standard output. */
  readonly run: (...command: readonly string[]) => string;
  /** Ends every connection as a network that breaks down. */
  readonly cut: () => void;
  readonly end: () => Promise<void>;
}

/** Only inside `test/rig/enter`: the configuration of ssh for the whole host is replaced. */
export async function startSshHost(): Promise<SshHost> {
  const directory = mkdtempSync(join(tmpdir(), 'far-'));
  const host = spawn(join(import.meta.dirname, 'ssh-host'), [directory, dirname(isolatePath)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(host, 'exit');
  await Promise.race([
    once(host.stdout, 'data'),
    ended.then(() => {
      throw new Error(`The other host did not start: ${readFileSync(join(directory, 'log'), 'utf8')}`);
    }),
  ]);
  execFileSync('mount', ['--bind', join(directory, 'config'), '/etc/ssh/ssh_config']);
  const enter = (...what: readonly string[]): readonly string[] => [...what, `--target=${host.pid}`, '--'];
  const start = (args: readonly string[]): ChildProcess => spawn('nsenter', [...enter('--net'), isolatePath, ...args], { stdio: 'pipe' });
  return {
    start,
    isolate: async (args, input = '') => {
      const child = start(args);
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
      return await finished(child);
    },
    run: (...command) => execFileSync('nsenter', [...enter('--net', '--mount'), ...command], { encoding: 'utf8', timeout: 60_000 }),
    cut: () => {
      const sshd = readFileSync(join(directory, 'pid'), 'utf8').trim();
      for (const pid of readFileSync(`/proc/${sshd}/task/${sshd}/children`, 'utf8').trim().split(' ')) process.kill(Number(pid), 'SIGKILL');
    },
    end: async () => {
      execFileSync('umount', ['/etc/ssh/ssh_config']);
      host.stdin.end();
      await ended;
    },
  };
}

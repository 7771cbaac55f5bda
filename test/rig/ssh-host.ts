import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { finished, type Finished, isolatePath } from './isolate.ts';
import { zfsFuseLibrary } from './zpool.ts';

/** A host that ssh calls `far`, with a pool `far` and isolate's own state, at the other end of a cable. */
export interface SshHost {
  /** Starts isolate where ssh reaches that host. */
  readonly start: (args: readonly string[]) => ChildProcess;
  readonly isolate: (args: readonly string[], input?: string) => Promise<Finished>;
  /** Runs a command there, and returns its standard output. */
  readonly run: (...command: readonly string[]) => string;
  /** Kills what serves the connections there, so that each side is told. */
  readonly hangUp: () => void;
  /** Takes the cable out of the other host, or puts it back: nobody is told. */
  readonly plug: (state: 'in' | 'out') => void;
  /** Makes the cable this slow towards the other host, as tc(8) writes it, or quick again. */
  readonly limit: (rate: string | null) => void;
  /** Bytes that have come through the cable. */
  readonly arrived: () => number;
  readonly end: () => Promise<void>;
}

/** Only inside `test/rig/enter`: the configuration of ssh for the whole host is replaced. */
export async function startSshHost(): Promise<SshHost> {
  const directory = mkdtempSync(join(tmpdir(), 'far-'));
  const args = [directory, dirname(isolatePath), await zfsFuseLibrary()];
  const host = spawn(join(import.meta.dirname, 'ssh-host'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(host, 'exit');
  await Promise.race([
    once(host.stdout, 'data'),
    ended.then(() => {
      throw new Error(`The other host did not start: ${readFileSync(join(directory, 'log'), 'utf8')}`);
    }),
  ]);
  execFileSync('mount', ['--bind', join(directory, 'config'), '/etc/ssh/ssh_config']);
  const pid = readFileSync(join(directory, 'host.pid'), 'utf8').trim();
  const start = (args: readonly string[]): ChildProcess =>
    spawn('nsenter', ['--net', `--target=${host.pid}`, '--', isolatePath, ...args], { stdio: 'pipe' });
  const run = (...command: readonly string[]): string =>
    execFileSync('nsenter', ['--net', '--mount', `--target=${pid}`, '--', ...command], { encoding: 'utf8', timeout: 60_000 });
  return {
    start,
    isolate: async (args, input = '') => {
      const child = start(args);
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
      return await finished(child);
    },
    run,
    plug: (state) => void run('ip', 'link', 'set', 'far', state === 'in' ? 'up' : 'down'),
    limit: (rate) => {
      const what =
        rate === null
          ? ['del', 'dev', 'near', 'root']
          : ['add', 'dev', 'near', 'root', 'tbf', 'rate', rate, 'burst', '64k', 'latency', '50ms'];
      execFileSync('nsenter', ['--net', `--target=${host.pid}`, '--', 'tc', 'qdisc', ...what]);
    },
    arrived: () => Number(/^ *far: *([0-9]+)/m.exec(readFileSync(`/proc/${pid}/net/dev`, 'utf8'))?.[1]),
    hangUp: () => {
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

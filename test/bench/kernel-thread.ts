import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** firejail looks for kernel threads among the pids up to this. */
const lastPid = 10;

/**
 * Starts a process that firejail takes for a kernel thread: where it sees none it believes itself in a sandbox already and
 * makes none, as in the pid namespace of the benchmark.
 */
export function pretendKernelThread(directory: string): { readonly end: () => void } {
  const program = join(directory, 'kthreadd');
  copyFileSync('/bin/sleep', program);
  const started: ChildProcess[] = [];
  for (let wanted = 2; wanted <= lastPid; wanted += 1) {
    // The next process gets the next free pid.
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(wanted - 1));
    const child = spawn(program, ['3600'], { stdio: 'ignore' });
    started.push(child);
    if (child.pid !== undefined && child.pid <= lastPid) break;
  }
  return {
    end: () => {
      for (const child of started) child.kill('SIGKILL');
    },
  };
}

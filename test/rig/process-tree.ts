import { readdirSync, readFileSync } from 'node:fs';

/** A process of this pid namespace. */
export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its command line, for messages. */
  readonly command: string;
}

/** The processes that there are, without those that have ended and wait for their parent. */
export function listProcesses(): readonly FoundProcess[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // proc(5): the name in parentheses may have any byte.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z') return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parent: Number(parent), command }];
    } catch {
      return [];
    }
  });
}

/** The processes that `root` started, and those that they started, as far as their parents live. */
export function descendants(root: number): readonly FoundProcess[] {
  const all = listProcesses();
  const found = new Set([root]);
  for (let size = 0; size < found.size;) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => pid !== root && found.has(pid));
}

/** Sends a signal to a process that may have ended; whether it was there. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { isolatePath, startIsolate } from '../rig/isolate.ts';

/** Peak resident memory in KiB of each process of isolate's while a command runs in a clone. */
export async function readLauncherMemory(dataset: string): Promise<number[]> {
  const child = startIsolate(['--quiet', '-z', dataset, 'sh', '-c', 'echo; exec sleep 60']);
  await once(child.stdout!, 'data');
  const peaks = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && executableOf(name) === isolatePath)
    .map((pid) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));
  child.kill('SIGTERM');
  await once(child, 'close');
  return peaks;
}

function executableOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

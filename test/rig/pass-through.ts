import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';

/** What came back of what was written to a command that copies its input. */
export interface PassedThrough {
  readonly status: number | null;
  readonly bytes: number;
  /** Every byte, in its place. */
  readonly isSame: boolean;
}

/** Writes so many blocks of 1 MiB, each another, as fast as `child` takes them, and reads what it writes. */
export async function passThrough(child: ChildProcess, blocks: number): Promise<PassedThrough> {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    received.update(chunk);
    bytes += chunk.length;
  });
  const block = Buffer.alloc(2 ** 20);
  for (let index = 0; index < blocks; index += 1) {
    block.fill(index);
    block.writeUInt32LE((index * 2_654_435_761) % 2 ** 32, 4096);
    sent.update(block);
    if (child.stdin?.write(Buffer.from(block)) === false) await once(child.stdin, 'drain');
  }
  child.stdin?.end();
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, bytes, isSame: received.digest('hex') === sent.digest('hex') };
}

import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { busyboxRootfs } from './rootfs.ts';

/** A busybox tree of one's own, below a directory that only its owner may enter. */
export async function temporaryTemplate(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'isolate-template-'));
  await chmod(parent, 0o700);
  return await busyboxRootfs(join(parent, 'root'));
}

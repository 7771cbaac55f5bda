import { setTimeout as sleep } from 'node:timers/promises';

import type { CloneRef, DestroyResult, StorageDriver } from '../../src/storage/driver.ts';

/** Destroys clones that nobody uses. zfs-fuse ends an unmount some time after it answered, on a busy machine later than the driver waits. */
export async function destroyUnused(driver: StorageDriver, refs: readonly CloneRef[]): Promise<readonly DestroyResult[]> {
  for (;;) {
    const results = await driver.destroy(refs);
    if (results.every(({ outcome }) => outcome !== 'busy')) return results;
    await sleep(100);
  }
}

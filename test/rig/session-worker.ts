/**
 * One process that works on sessions, for tests with real processes: `session-worker.ts SUBJECT INDEX CRASH ACTION NAME [NEW]`. ACTION is
 * `keep`, `enter`, `rename` or `rm`; it kills itself at its CRASH-th checkpoint, 0: never. Prints how many checkpoints it passed.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { leaseClone } from '../../src/pool/lease/lease.ts';
import type { Pool } from '../../src/pool/pool.ts';
import { placeOf } from '../../src/rootfs/rootfs.ts';
import { destroySession, renameSession } from '../../src/session/change.ts';
import { findSession } from '../../src/session/index-files.ts';
import { keepAsSession, leaseSession } from '../../src/session/keep.ts';
import { openSubject, type PoolSubject } from './pool-subject.ts';

const [subjectText = '', directory = '', crash = '', action = '', name = '', to = ''] = process.argv.slice(2);
let passed = 0;
const pool = await openSubject(JSON.parse(subjectText) as PoolSubject, { checkpoint: count });
await act(pool);
console.log(passed);

function count(): void {
  passed += 1;
  if (passed === Number(crash)) process.kill(process.pid, 'SIGKILL');
}

async function act({ template }: Pool): Promise<void> {
  const index = { directory };
  const owner = { uid: 1, index };
  const run = { engine: 'bwrap', command: ['true'] };
  switch (action) {
    case 'keep': {
      const leased = await leaseClone(pool, { waitMs: 50_000 });
      const kept = await keepAsSession(pool, leased, owner, { ...run, name, root: { kind: 'volume', locator: template } });
      append(join(placeOf(kept.lease.rootfs), 'mine'), `${name}\n`);
      count();
      return await kept.lease.release();
    }
    case 'enter': {
      const lease = await leaseSession(pool, owner, findSession(index, 1, name), run);
      append(join(placeOf(lease.rootfs), 'mine'), 'entered\n');
      count();
      return await lease.release();
    }
    case 'rename':
      return await renameSession(pool, index, findSession(index, 1, name), to);
    case 'rm':
      return await destroySession(pool, index, findSession(index, 1, name));
    default:
      throw new Error(`There is no action ${action}.`);
  }
}

/** A storage that is killed loses what was not flushed. */
function append(path: string, text: string): void {
  const file = openSync(path, 'a');
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished, test } from 'vitest';

import { compileStatic } from '../rig/compile.ts';
import { makePool } from '../rig/zpool.ts';

test('zfs-fuse, as the tests start it, goes on when processes are killed that wait for it', { timeout: 120_000 }, async () => {
  const pool = await makePool();
  onTestFinished(() => pool.end());
  for (const name of ['asked', 'other']) await pool.zfs('create', `${pool.name}/${name}`);
  const program = await compileStatic(join(import.meta.dirname, '../rig/taken-back.c'));
  const mounted = (name: string): string => join(pool.directory, 'pool', name);
  // Without its library it falls silent within a few rounds.
  execFileSync(program, [mounted('asked'), mounted('other'), '200']);
});

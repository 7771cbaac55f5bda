import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Facts } from '../../../src/host/facts.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../../src/pool/paths.ts';
import { predictRoot } from '../../../src/run/predict-root.ts';
import type { SandboxSpec } from '../../../src/spec/spec.ts';

test.runIf(process.getuid?.() === 0)('a clone that another run takes at the same time is skipped', async () => {
  const { fresh, mounts } = poolPaths(runtimePaths(systemRuntimeDirectory), 'tank/predicted');
  mkdirSync(fresh, { recursive: true });
  // Listed, and not there when it is read.
  symlinkSync('taken', join(fresh, '5'));
  const spec = { root: { kind: 'volume', locator: 'tank/predicted' } } as SandboxSpec;
  const rootfs = await predictRoot(spec, { user: { uid: 0, rights: 'root' } } as Facts);
  expect(rootfs).toEqual({ parts: [{ kind: 'tree', source: join(mounts, 'CLONE'), ownership: { kind: 'natural' }, idmappable: true }] });
});

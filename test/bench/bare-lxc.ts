import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { plan } from '../../src/index.ts';
import { type OnRoot, filesOf, readData } from './bare-bwrap.ts';
import type { Ground } from './ground.ts';

/** What isolate has LXC do, done by a bare lxc-execute with the same configuration on the root itself. */
export async function bareLxc({ dataset, clone, fill }: Ground): Promise<OnRoot> {
  await fill(1);
  const launch = await plan({ engine: 'lxc', zfs: dataset, command: ['true'] });
  // LXC enters it with ids that are nobody's, and so it enters where the clones are.
  const state = mkdtempSync(join(tmpdir(), 'isolate-lxc-'));
  for (const path of [state, dirname(dirname(clone))]) chmodSync(path, 0o711);
  const descriptors = filesOf(launch);
  return (root) => {
    const config = join(state, 'config');
    const text = readData(launch, 'lxc configuration').replace(/^lxc\.rootfs\.path = .*$/m, `lxc.rootfs.path = dir:${root}`);
    writeFileSync(config, text);
    const command = ['/usr/bin/lxc-execute', '--name=bench', `--lxcpath=${state}`, `--rcfile=${config}`, '--', '/bin/true'];
    // It would map ids by newuidmap(1), for which root has none, if it found that.
    return { command, descriptors, environment: { HOME: '/root', PATH: '' } };
  };
}

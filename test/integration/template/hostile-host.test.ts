import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { askOffer } from '../../../src/template/transfer/ssh.ts';

/** Only inside `test/rig/enter`: ssh is another program for this host. */
async function replaceSsh(script: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-ssh-'));
  const file = join(directory, 'ssh');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  execFileSync('mount', ['--bind', file, '/usr/bin/ssh']);
  onTestFinished(async () => {
    execFileSync('umount', ['/usr/bin/ssh']);
    await rm(directory, { recursive: true });
  });
}

test('the answer of a host that does not stop is not kept', async () => {
  // More than a string can have.
  await replaceSsh('exec head -c 700M /dev/zero');
  await expect(askOffer({ kind: 'host', host: 'far', template: 'x' })).rejects.toThrow(
    'isolate on far gave an answer that this isolate does not know.',
  );
});

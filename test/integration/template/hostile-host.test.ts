import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, onTestFinished, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { askOffer, openRemote } from '../../../src/template/transfer/ssh.ts';

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

test('a host that says that it has everything before it was sent is not believed', async () => {
  await replaceSsh('exit 0');
  const { stream, discard } = await openRemote({ kind: 'host', host: 'far', template: 'x' });
  await pipeline(createReadStream('/dev/zero'), stream).catch(() => {});
  expect(await discard()).toEqual(new IsolateError('transfer-failed', 'isolate on far ended before it had the whole template.'));
});

test('a code that is no code of isolate is not passed on', async () => {
  const error = { error: { code: 'all-is-well', message: 'No.', hint: 'Pay.', causes: ['greed'] } };
  await replaceSsh(`echo '${JSON.stringify(error)}' >&2; exit 1`);
  const failure = await askOffer({ kind: 'host', host: 'far', template: 'x' }).catch((caught: unknown) => caught);
  expect(failure).toEqual(new IsolateError('transfer-failed', 'On far: No.', { hint: 'on far: Pay.', cause: new Error('greed') }));
  expect((failure as IsolateError).code).toBe('transfer-failed');
});

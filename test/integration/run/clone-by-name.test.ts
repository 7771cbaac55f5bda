import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { expect, onTestFinished, test } from 'vitest';

import { run } from '../../../src/index.ts';
import type { RunRequest } from '../../../src/spec/request.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';

const templates = '/var/lib/isolate/templates';

async function outputOf(request: RunRequest): Promise<unknown> {
  let output: Promise<string> | undefined;
  const outcome = await run(request, {
    stdio: { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    onStreams: ({ stdout }) => {
      if (stdout !== null) output = text(stdout);
    },
  });
  return { outcome, output: await output };
}

test('the library runs on a copy of a template by its name or directory', async () => {
  const path = join(templates, 'by-name');
  await mkdir(templates, { recursive: true });
  onTestFinished(() => rm(path, { recursive: true }));
  await busyboxRootfs(path);
  const command = ['sh', '-c', 'touch /new && ls / | grep new'];
  for (const clone of ['by-name', path]) {
    expect(await outputOf({ clone, command })).toEqual({ outcome: { kind: 'exited', code: 0 }, output: 'new\n' });
  }
});

test('a name that is not there is an error with the nearest one', async () => {
  await expect(run({ clone: 'no-such-template', command: ['true'] })).rejects.toMatchObject({
    code: 'template-missing',
    message: 'There is no template no-such-template.',
  });
});

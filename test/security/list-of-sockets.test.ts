import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { make } from '../rig/compile.ts';

test('the attack on the list of sockets reads all of it, however many the host has', async () => {
  const probe = join(await make('probe'), 'isolate-probe');
  // About 450 KB of the list.
  const names = Array.from({ length: 3000 }, (_, index) => `isolate-${'n'.repeat(80)}-${index}-`);
  const servers = names.map((name) => createServer().listen(`\0${name}`));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  });
  await Promise.all(servers.filter(({ listening }) => !listening).map((server) => once(server, 'listening')));
  const find = (token: string): Promise<string> =>
    new Promise((resolve) => execFile(probe, [`token=${token}`, 'visible/list-of-sockets'], (_, stdout) => resolve(stdout)));
  const some = names.filter((_, index) => index % 100 === 0);
  const shown = JSON.stringify({ case: 'visible/list-of-sockets', verdict: 'broken', detail: '/proc/net/unix shows it' });
  expect(await Promise.all(some.map(find))).toEqual(some.map(() => `${shown}\n`));
  expect(await find('isolate-no-such-name')).toContain('not in /proc/net/unix');
});

import { existsSync } from 'node:fs';
import { expect, it, vi } from 'vitest';

import { bwrapLaunch, start } from '../rig/launches.ts';
import { listProcesses } from '../rig/process-tree.ts';

/** The processes of bubblewrap, with the pid of each. */
const bubblewraps = (): readonly number[] =>
  listProcesses().flatMap(({ pid, command }) => (command.startsWith('/usr/bin/bwrap') ? [pid] : []));
const wait = { timeout: 20_000, interval: 10 };

// Between clone(2) and what the process outside does next the one inside waits for that.
it.skipIf(!existsSync('/usr/bin/strace'))(
  'leaves nothing behind when it is killed while the process of bubblewrap inside still waits for the one outside',
  async () => {
    const { args, ...launch } = bwrapLaunch(['/bin/sleep', '1000']);
    const slow = ['strace', '-D', '-qq', '-o', '/dev/null', '-e', 'trace=clone', '-e', 'inject=clone:delay_exit=1000000', '/usr/bin/bwrap'];
    const handle = await start({ ...launch, file: '/usr/bin/strace', args: [...slow, ...args.slice(1)] });
    handle.result.catch(() => undefined);
    await vi.waitFor(() => expect(bubblewraps()).toHaveLength(2), wait);
    process.kill(handle.pid, 'SIGKILL');
    await vi.waitFor(() => expect(bubblewraps()).toEqual([]), wait);
  },
  60_000,
);

import type { ProofCase } from '../../src/prove/cases.ts';
import { isPromised } from '../../src/prove/promise.ts';

/** One way of running isolate that the suite attacks. */
export interface Configuration {
  readonly engine: 'bwrap' | 'lxc' | 'chroot';
  readonly user: 'root' | 'plain user';
  /** Where the caller has a terminal: on its streams, or only as /dev/tty of a pipeline. */
  readonly terminal: 'streams' | 'pipes';
  /** On a clone that the daemon lends; else on a directory. */
  readonly daemon: boolean;
  readonly promises: (each: ProofCase) => boolean;
}

function promisesOf(engine: Configuration['engine']): Configuration['promises'] {
  return (each) =>
    isPromised(each, {
      isolates: engine !== 'chroot',
      filter: engine === 'lxc' ? 'smaller' : 'whole',
      network: 'own',
      devices: false,
      tunnel: false,
      workingDirectory: '/',
      limits: { pids: false, memory: false },
    });
}

const users = ['root', 'plain user'] as const;
const terminals = ['streams', 'pipes'] as const;

const onDirectories = (['bwrap', 'lxc', 'chroot'] as const).flatMap((engine) =>
  (engine === 'chroot' ? (['root'] as const) : users).flatMap((user) =>
    terminals.map((terminal): Configuration => ({ engine, user, terminal, daemon: false, promises: promisesOf(engine) })),
  ),
);
const byDaemon = users.flatMap((user) =>
  terminals.map((terminal): Configuration => ({ engine: 'bwrap', user, terminal, daemon: true, promises: promisesOf('bwrap') })),
);

export const configurations: readonly Configuration[] = [...onDirectories, ...byDaemon];

export function nameOf({ engine, user, terminal, daemon }: Configuration): string {
  return `${engine}${daemon ? ' by the daemon' : ''}, ${user}, ${terminal === 'streams' ? 'terminal' : 'pipes'}`;
}

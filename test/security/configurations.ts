import type { ProofCase } from '../../src/prove/cases.ts';
import { isPromised } from '../../src/prove/promise.ts';

/** One way of running isolate that the suite attacks. */
export interface Configuration {
  readonly engine: 'bwrap' | 'lxc' | 'chroot';
  readonly user: 'root' | 'plain user';
  /** Where the caller has a terminal: on its streams, or only as /dev/tty of a pipeline. */
  readonly terminal: 'streams' | 'pipes';
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

export const configurations: readonly Configuration[] = (['bwrap', 'lxc', 'chroot'] as const).flatMap((engine) =>
  (engine === 'chroot' ? (['root'] as const) : (['root', 'plain user'] as const)).flatMap((user) =>
    (['streams', 'pipes'] as const).map((terminal) => ({ engine, user, terminal, promises: promisesOf(engine) })),
  ),
);

export function nameOf({ engine, user, terminal }: Configuration): string {
  return `${engine}, ${user}, ${terminal === 'streams' ? 'terminal' : 'pipes'}`;
}

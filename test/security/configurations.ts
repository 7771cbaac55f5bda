import type { ProofCase } from '../../src/prove/cases.ts';

/** One way of running isolate that the suite attacks. */
export interface Configuration {
  readonly engine: 'bwrap' | 'lxc' | 'chroot';
  readonly user: 'root' | 'plain user';
  /** Where the caller has a terminal: on its streams, or only as /dev/tty of a pipeline. */
  readonly terminal: 'streams' | 'pipes';
  readonly promises: (each: ProofCase) => boolean;
}

/** The chroot engine isolates nothing; what it starts must nevertheless inherit nothing and leave the terminal alone. */
const CHROOT_PROMISES: readonly string[] = [
  'terminal/type',
  'terminal/type-with-high-bit',
  'terminal/type-with-sign-bit',
  'terminal/type-on-dev-tty',
  'terminal/type-on-dev-tty-with-high-bit',
  'terminal/take-and-type',
  'descriptors/inherited',
  'descriptors/leading-out',
  'descriptors/working-directory',
  'environment/own',
  'environment/signals',
  'visible/session-key',
  'identity/filter',
  'identity/umask',
];

const promised = {
  bwrap: () => true,
  lxc: (each: ProofCase) => !each.filterOnly,
  chroot: (each: ProofCase) => each.id.startsWith('calls/') || CHROOT_PROMISES.includes(each.id),
};

export const configurations: readonly Configuration[] = (['bwrap', 'lxc', 'chroot'] as const).flatMap((engine) =>
  (engine === 'chroot' ? (['root'] as const) : (['root', 'plain user'] as const)).flatMap((user) =>
    (['streams', 'pipes'] as const).map((terminal) => ({ engine, user, terminal, promises: promised[engine] })),
  ),
);

export function nameOf({ engine, user, terminal }: Configuration): string {
  return `${engine}, ${user}, ${terminal === 'streams' ? 'terminal' : 'pipes'}`;
}

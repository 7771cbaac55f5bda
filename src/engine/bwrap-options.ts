import type { Bind, SandboxSpec } from '../spec/spec.ts';
import { keptCapabilities } from './kept-capabilities.ts';

/** One option of bubblewrap with its values, kept together from here to the golden files. */
export type BwrapOption = readonly [string, ...string[]];

/** Upper bounds of the memory file systems in a sandbox, in bytes. */
const tmpfsBytes = { tmp: 2 ** 30, shm: 2 ** 28 } as const;

/** Namespaces, lifetime and capabilities. */
export function isolationOptions(spec: Pick<SandboxSpec, 'shareNetwork'>, hostname: string): BwrapOption[] {
  return [
    ['--unshare-pid'],
    ['--unshare-ipc'],
    ['--unshare-uts'],
    ['--unshare-cgroup'],
    ...(spec.shareNetwork ? [] : ([['--unshare-net']] as BwrapOption[])),
    ['--die-with-parent'],
    ['--hostname', hostname],
    ['--cap-drop', 'ALL'],
    ...keptCapabilities.map((capability): BwrapOption => ['--cap-add', capability]),
  ];
}

/** The root and the file systems that every Linux root expects; later ones cover earlier ones. */
export function rootOptions(root: string, readOnly: boolean, keyFiles: readonly string[], tmp: string): BwrapOption[] {
  return [
    [readOnly ? '--ro-bind' : '--bind', root, '/'],
    ['--proc', '/proc'],
    // The host's own view of the same sysctls, read-only: bwrap leaves them writable for root of a user namespace.
    ['--ro-bind', '/proc/sys', '/proc/sys'],
    ...keyFiles.map((file): BwrapOption => ['--ro-bind', '/dev/null', file]),
    ['--dev', '/dev'],
    ['--perms', '1777', '--size', String(tmpfsBytes.shm), '--tmpfs', '/dev/shm'],
    ['--perms', '1777', '--size', String(tmpfsBytes.tmp), '--tmpfs', tmp],
  ];
}

/**
 * The directories above targets in bubblewrap's own file systems, which are empty before it runs: by itself it would make them for root
 * alone. Those below another bind are not made here, and those of `others` have their own modes.
 */
export function directoryOptions(binds: readonly Bind[], trees: readonly string[], others: readonly BwrapOption[]): BwrapOption[] {
  const made = new Set(others.filter((option) => option.includes('--dir')).map((option) => option.at(-1)));
  const directories = new Set<string>();
  for (const { target } of binds) {
    const tree = trees.find((place) => target.startsWith(`${place}/`));
    if (tree === undefined) continue;
    for (let end = target.indexOf('/', tree.length + 1); end !== -1; end = target.indexOf('/', end + 1)) {
      const directory = target.slice(0, end);
      if (!made.has(directory) && !binds.some((outer) => `${directory}/`.startsWith(`${outer.target}/`))) directories.add(directory);
    }
  }
  return [...directories].map((directory): BwrapOption => ['--perms', '0755', '--dir', directory]);
}

/** The form `--args FD` reads: every word ended by a NUL. */
export function encodeOptions(options: readonly BwrapOption[]): Uint8Array {
  return new TextEncoder().encode(
    options
      .flat()
      .map((word) => `${word}\0`)
      .join(''),
  );
}

import type { SandboxSpec } from '../spec/spec.ts';
import { keptCapabilities } from './kept-capabilities.ts';

/** One option of bubblewrap with its values, kept together from here to the golden files. */
export type BwrapOption = readonly [string, ...string[]];

/** Upper bounds of the memory file systems in a sandbox, in bytes. */
const tmpfsBytes = { tmp: 2 ** 30, home: 2 ** 30, shm: 2 ** 28 } as const;

/** Namespaces, lifetime and capabilities. */
export function isolationOptions(spec: SandboxSpec, hostname: string): BwrapOption[] {
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

/** The root and the file systems every Linux root expects; later ones lie over earlier ones. */
export function rootOptions(root: string, readOnly: boolean, keyFiles: readonly string[]): BwrapOption[] {
  return [
    [readOnly ? '--ro-bind' : '--bind', root, '/'],
    ['--proc', '/proc'],
    // The host's own view of the same sysctls, read only: bwrap leaves them writable to a root of a user namespace.
    ['--ro-bind', '/proc/sys', '/proc/sys'],
    ...keyFiles.map((file): BwrapOption => ['--ro-bind', '/dev/null', file]),
    ['--dev', '/dev'],
    ['--perms', '1777', '--size', String(tmpfsBytes.shm), '--tmpfs', '/dev/shm'],
    ['--perms', '1777', '--size', String(tmpfsBytes.tmp), '--tmpfs', '/tmp'],
    ['--perms', '0755', '--size', String(tmpfsBytes.home), '--tmpfs', '/home'],
  ];
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

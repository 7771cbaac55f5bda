import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import type { OwnFiles } from './facts.ts';

/** The hint for a build that lacks a file. */
export const buildHint = 'run scripts/build in the checkout, or install isolate again';

/** isolate's own compiled files: beside the bundle, or in `dist` of the checkout the sources are run from. Throws `missing-tool`. */
export function findOwnFiles(): OwnFiles {
  const here = import.meta.dirname;
  const directory = [here, join(here, '..', '..', 'dist')].find((candidate) => existsSync(join(candidate, 'isolate-launch')));
  if (directory === undefined) {
    throw new IsolateError('missing-tool', `isolate-launch is not beside ${here}.`, {
      hint: buildHint,
    });
  }
  return {
    launcher: join(directory, 'isolate-launch'),
    gate: join(directory, 'isolate-gate'),
    seccompFilter: join(directory, 'seccomp.bpf'),
    socketcallFilter: join(directory, 'seccomp-socketcall.bpf'),
    lxcSeccompProfile: join(directory, 'lxc.seccomp'),
    lxcFilter: join(directory, 'lxc.bpf'),
    unpacker: join(directory, 'isolate-unpack'),
    tree: join(directory, 'isolate-tree'),
    machine: join(directory, 'isolate-machine'),
    kernel: join(directory, 'vmlinux'),
    initramfs: join(directory, 'initramfs'),
  };
}

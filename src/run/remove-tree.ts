import { rm } from 'node:fs/promises';

import { IsolateError } from '../error.ts';
import { planIdentity } from '../engine/identity.ts';
import type { Launch } from '../engine/launch.ts';
import type { HostFacts } from '../host/facts.ts';
import { startLaunch } from '../process/launch.ts';

/**
 * Removes a tree that a sandbox wrote, and nothing that links in it lead to. Other users than root own only a part of
 * it by their own id, so rm(1) runs with the ids the sandbox had. Throws `storage-failed`.
 */
export async function removeTree(path: string, facts: HostFacts): Promise<void> {
  if (facts.user.uid === 0) {
    await rm(path, { recursive: true, force: true });
    return;
  }
  const launch = planRemoval(path, facts);
  const running = await startLaunch(launch, {
    launcher: facts.files.launcher,
    stdio: { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    graceMs: 1000,
  });
  const result = await running.result;
  if (result.kind !== 'exited' || result.code !== 0) throw new IsolateError('storage-failed', `The tree ${path} could not be removed.`);
}

function planRemoval(path: string, facts: HostFacts): Launch {
  const { userNamespace } = planIdentity({
    spec: {},
    rootfs: { path, ownership: { kind: 'natural' }, idmappable: false },
    facts,
    idSlot: 0,
  });
  return {
    engine: 'remove',
    file: '/bin/rm',
    args: ['rm', '-rf', '--one-file-system', '--', path],
    environment: {},
    descriptors: [],
    files: [],
    userNamespace,
    mountNamespace: false,
    pidNamespace: false,
    hostMounts: [],
    sandboxMounts: [],
    cgroups: [],
    root: null,
    workingDirectory: '/',
    noNewPrivileges: true,
    seccompFilter: null,
  };
}

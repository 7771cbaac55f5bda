import { IsolateError } from '../error.ts';
import { planIdentity } from '../engine/identity.ts';
import type { Launch } from '../launch/launch.ts';
import type { Facts } from '../host/facts.ts';
import { runCommand } from '../process/command.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';
import { startLaunch } from '../process/launch.ts';

const removal = ['-rf', '--one-file-system', '--'];
const timeoutMs = 600_000;

/**
 * Removes a tree that a sandbox wrote, without following links. It uses rm(1), which can remove directories nested deeper than the
 * longest path. Users other than root own only a part of the tree with their own id, so for them rm runs with the sandbox's ids. Throws
 * `storage-failed`, `tool-timeout`.
 */
export async function removeTree(path: string, facts: Facts): Promise<void> {
  if (facts.user.rights === 'root') return await removeAsCaller(path);
  try {
    await removeAsSandbox(path, facts);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'launch-failed') throw error;
    // If no sandbox can start, none has left files of other ids.
    await removeAsCaller(path);
  }
}

async function removeAsCaller(path: string): Promise<void> {
  const { exitCode, stderr } = await runCommand({ file: '/bin/rm', args: [...removal, path], timeoutMs });
  if (exitCode !== 0) throw new IsolateError('storage-failed', `The tree ${path} could not be removed: ${stderr.trim()}`);
}

async function removeAsSandbox(path: string, facts: Facts): Promise<void> {
  const launch = planRemoval(path, facts);
  const running = await startLaunch(launch, {
    launcher: facts.files.launcher,
    stdio: { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
  });
  const result = await running.result;
  if (result.kind !== 'exited' || result.code !== 0) throw new IsolateError('storage-failed', `The tree ${path} could not be removed.`);
}

function planRemoval(path: string, facts: Facts): Launch {
  const { userNamespace } = planIdentity({
    spec: {},
    rootfs: rootfsOf({ kind: 'tree', source: path, ownership: { kind: 'natural' }, idmappable: false }),
    facts,
    idSlot: 0,
  });
  return {
    engine: 'remove',
    file: '/bin/rm',
    args: ['rm', ...removal, path],
    environment: {},
    descriptors: [],
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
    graceMs: 1000,
    deadlineMs: null,
  };
}

import type { Socket } from 'node:net';

import type { Launch } from '../launch/launch.ts';
import type { IdMaps } from '../rootfs/rootfs.ts';
import { logCommand } from '../log.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { hookFailure } from '../process/hook.ts';
import { startLaunch } from '../process/launch.ts';
import type { HookRunner } from './hooks.ts';

/** The path of the launcher, the connection over which it gets the clone, and where a hook sees the clone. */
export interface HandedOverHooks {
  readonly launcher: string;
  readonly connection: Socket;
  readonly sandboxDirectory: string;
  /** What errors call the clone. */
  readonly name: string;
  /** Of the user namespace that comes with it. */
  readonly maps: IdMaps;
}

/**
 * Runs hooks on a clone from the daemon: on the host's file system as the caller sees it, with the ids of the sandbox (0 is the caller),
 * and with the clone mounted only for the hook.
 */
export function handedOverHooks({ launcher, connection, ...clone }: HandedOverHooks): HookRunner {
  return async (which, line) => {
    logCommand({ file: '/bin/sh', args: ['-c', line] });
    const running = await startLaunch(planHook(line, clone), {
      launcher,
      stdio: { stdin: 'ignore', stdout: 2, stderr: 2 },
      connection,
    });
    const result = await running.result;
    if (result.kind === 'exited' && result.code === 0) return;
    if (result.kind === 'exited') throw hookFailure(which, `exited with ${result.code}`);
    if (result.kind === 'killed') throw hookFailure(which, `was killed by ${result.signal}`);
    throw hookFailure(which, 'could not be started');
  };
}

function planHook(line: string, { sandboxDirectory, name, maps }: Omit<HandedOverHooks, 'launcher' | 'connection'>): Launch {
  const environment = Object.entries({ ...callerEnvironment(), ROOTFS: sandboxDirectory }).filter((entry) => entry[1] !== undefined);
  return {
    engine: 'hook',
    file: '/bin/sh',
    args: ['/bin/sh', '-c', line],
    environment: Object.fromEntries(environment) as Record<string, string>,
    descriptors: [],
    userNamespace: { uidMap: maps.uidMap, gidMap: maps.gidMap, writer: 'given' },
    mountNamespace: true,
    pidNamespace: false,
    hostMounts: [],
    sandboxMounts: [{ kind: 'attach', source: name, target: sandboxDirectory, flags: [], idmap: 'none' }],
    cgroups: [],
    root: null,
    workingDirectory: process.cwd(),
    noNewPrivileges: false,
    seccompFilter: null,
    graceMs: 10_000,
    deadlineMs: null,
  };
}

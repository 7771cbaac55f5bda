import type { PathFacts, SandboxIds } from '../host/facts.ts';
import type { Privileges } from '../host/privileges.ts';
import { probePath, readPrivileges } from '../host/probe.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import type { Caller } from '../spec/request.ts';
import { readEnvironmentFile } from './read-environment-file.ts';
import { workingDirectory } from './working-directory.ts';

/** For whom a run is decided: this process's own user, or the client that a daemon serves. */
export interface RunCaller extends Caller {
  readonly uid: number;
  readonly gid: number;
  /** PATH, where this process may look into its directories with the caller's rights; absent: it may not. */
  readonly searchPath?: string | undefined;
  /** Of the process that will start the launch; absent: ordinary ones. */
  readonly privileges?: Privileges;
  /** What is at a bind's source, as the caller sees it; null: nothing, or nothing the caller can see. */
  readonly probePath: (source: string) => PathFacts | null;
  /** The file with the caller's groups (cgroups(7)); null: it is not known where the caller can make groups. */
  readonly cgroupFile: string | null;
  /** What the settings give root's sandboxes; absent: as their files say now. */
  readonly sandboxIds?: () => SandboxIds | null;
}

/** This process, with its own rights. */
export function ownCaller(): RunCaller {
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    environment: callerEnvironment(),
    searchPath: callerEnvironment()['PATH'],
    cwd: workingDirectory(),
    readFile: (path) => readEnvironmentFile(path),
    privileges: readPrivileges(),
    probePath,
    cgroupFile: '/proc/self/cgroup',
  };
}

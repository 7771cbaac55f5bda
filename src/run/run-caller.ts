import { realpathSync } from 'node:fs';
import { resolve } from 'node:path/posix';

import type { Engine } from '../engine/engine.ts';
import type { HostFacts, PathFacts, SandboxIds } from '../host/facts.ts';
import type { Privileges } from '../host/privileges.ts';
import { probePath } from '../host/path-facts.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { probeHost, readPrivileges } from '../host/probe.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { runCommand } from '../process/command.ts';
import { hostSources, nameServers, parseBind } from '../spec/bind.ts';
import { parseDisks } from '../spec/disk.ts';
import { parseMount } from '../spec/mount.ts';
import type { Caller, RunRequest } from '../spec/request.ts';
import type { DirectoryStorage } from '../spec/root-ref.ts';
import { chooseStorage } from '../storage/choose.ts';
import { describeDirectory } from '../storage/directory.ts';
import { findCachePlace, findStatePlace } from './own-places.ts';
import { readEnvironmentFile } from './read-environment-file.ts';
import { workingDirectory } from './working-directory.ts';

/** What a run has to know about its caller's files and environment. Paths are absolute. */
export interface Questions {
  /** What is there. */
  readonly paths: readonly string[];
  /** Files whose text is needed. */
  readonly files: readonly string[];
  /** By name. */
  readonly variables: readonly string[];
  /** A directory whose real name is needed. */
  readonly directory?: string;
}

/** What the caller sees, with its own rights. */
export interface Answers extends Pick<Caller, 'environment' | 'readFile'> {
  /** Null: nothing, or nothing the caller can see. */
  readonly probePath: (path: string) => PathFacts | null;
  /** The real name of a directory that the caller can enter. Throws what is wrong with it. */
  readonly findDirectory: (path: string) => string;
}

/** For whom a run is decided: this process's own user, or the client that a daemon serves. */
export interface RunCaller extends Pick<Caller, 'cwd'> {
  /** Where it runs. */
  readonly host: HostFacts;
  readonly uid: number;
  readonly gid: number;
  /** PATH, if this process may search its directories with the caller's rights; absent: it may not. */
  readonly searchPath?: string | undefined;
  /** Of the process that will start the launch; absent: ordinary ones. */
  readonly privileges?: Privileges;
  /** The file with the caller's cgroups (cgroups(7)); null: it is unknown where the caller can make cgroups. */
  readonly cgroupFile: string | null;
  /** The ids that the settings give root's sandboxes; absent: as the files say now. */
  readonly sandboxIds?: () => SandboxIds | null;
  /** Where kernels of the caller's choice are kept unpacked; absent: this process may not read them. */
  readonly kernelCache?: () => string;
  /** What makes clones of a directory, if this process may look at it; absent: overlays do, unless the request says something else. */
  readonly chooseStorage?: (path: string, wanted: DirectoryStorage | undefined) => Promise<DirectoryStorage>;
  /** Rejects if the caller does not answer. */
  readonly ask: (questions: () => Questions) => Promise<Answers>;
}

/** This process, with its own rights. */
export function ownCaller(): RunCaller & Pick<Caller, 'environment'> {
  const environment = callerEnvironment();
  const host = probeHost(findOwnFiles());
  const uid = process.getuid?.() ?? 0;
  return {
    host,
    uid,
    gid: process.getgid?.() ?? 0,
    environment,
    searchPath: environment['PATH'],
    cwd: workingDirectory(),
    privileges: readPrivileges(),
    cgroupFile: '/proc/self/cgroup',
    kernelCache: () => `${findCachePlace(uid, environment)}/kernels`,
    chooseStorage: async (path, wanted) => {
      const { path: stateDirectory } = findStatePlace(uid, environment);
      return await chooseStorage(path, wanted, { stateDirectory, uid, run: runCommand, tree: host.files.tree });
    },
    ask: async () => ({ environment, readFile: (path) => readEnvironmentFile(path), probePath, findDirectory }),
  };
}

function findDirectory(path: string): string {
  describeDirectory(path);
  return realpathSync(path);
}

/** All questions to the caller that the decision about a request needs. Throws what is wrong with the request. */
export function questionsOf(request: RunRequest, { capabilities }: Engine, cwd: string | null): Questions {
  const given = (request.binds ?? []).map((bind) => (typeof bind === 'string' ? parseBind(bind, cwd) : bind));
  const binds = [...given, ...(request.mounts ?? []).map((text) => parseMount(text, cwd))];
  const isShared = request.shareNetwork === true || (request.networks ?? []).length > 0 || capabilities.network === 'always-shared';
  return {
    paths: [...hostSources({ binds, disks: parseDisks(request.disks ?? [], cwd) }), ...(isShared ? [nameServers] : [])],
    files: (request.environmentFiles ?? []).map((file) => resolve(cwd ?? '/', file)),
    variables: namedVariables(request),
    ...(request.template === undefined ? {} : { directory: resolve(cwd ?? '/', request.template) }),
  };
}

/** `-v NAME` takes the value that the caller has. */
function namedVariables({ environment }: RunRequest): readonly string[] {
  if (!Array.isArray(environment)) return [];
  return [...new Set((environment as readonly string[]).filter((text) => !/[=:]/.test(text)))];
}

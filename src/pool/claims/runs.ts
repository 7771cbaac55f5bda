import { existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EndOperation } from '../../launch/launch.ts';
import { findUserName } from '../../host/passwd.ts';
import { readText } from '../../host/read-text.ts';
import { makeRandom } from '../../process/random.ts';
import { endGroups, type Patience, removeGroup } from './end-groups.ts';
import { formatHolder, isAlive, parseHolder, readOwnHolder } from '../holder.ts';
import type { HolderId } from '../holder.ts';
import type { RuntimePaths } from '../paths.ts';
import { readPidNamespace } from '../pid-namespace.ts';
import { readDirectory } from '../read-directory.ts';

/** What `isolate ps` shows about a run. */
export interface RunDescription {
  readonly template: string;
  /** Id of the clone; null: the run is on the template itself. */
  readonly clone: string | null;
  readonly engine: string;
  readonly command: readonly string[];
  readonly uid: number;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** Directories in which the daemon makes the run's cgroups; absent: it makes none. */
  readonly groupsIn?: readonly string[];
}

/** The claim that says that a run lives, and which one. */
export interface RunClaim {
  /** 16 hex digits. */
  readonly runId: string;
  /** Says more of the run than was known at first: the description becomes no shorter. Does nothing if the claim is gone. */
  readonly describe: (description: RunDescription) => void;
  readonly remove: () => void;
  /** The same for a launcher. */
  readonly removal: EndOperation;
}

const runName = /^[0-9a-f]{16}$/;
const cgroupName = /^isolate-([0-9a-f]{16})$/;
/** A cgroup of an unknown run may belong to one that is just starting. */
const unknownCgroupMs = 60_000;

/** Gives a run its id: a file with the id and the holder in its name that describes the run. */
export function claimRun(paths: RuntimePaths, description: RunDescription, holder: HolderId = readOwnHolder()): RunClaim {
  const runId = makeRandom();
  const claim = join(paths.runs, `${runId}.${formatHolder(holder)}`);
  writeFileSync(claim, `${JSON.stringify(description)}\n`, { mode: 0o600, flag: 'wx' });
  return {
    runId,
    describe: (changed) => overwrite(claim, `${JSON.stringify(changed)}\n`),
    remove: () => rmSync(claim, { force: true }),
    removal: { kind: 'unlink', path: claim },
  };
}

function overwrite(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'r+' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** A refresh does not wait long for processes that do not end; the next one tries again. */
const patience: Patience = { attempts: 5, ref: true };

/**
 * Removes what dead runs left: their claims below `paths.runs`, and their cgroups with all processes: `isolate-<run>` in
 * `cgroupDirectories` and where their claims say. Returns the ids of those runs. The claim of a run whose cgroups cannot be removed yet
 * stays, and so does a cgroup of an unknown run that has processes.
 */
export async function sweepRuns(
  paths: RuntimePaths,
  cgroupDirectories: readonly string[],
  bootId: string,
  nowMs: number,
): Promise<readonly string[]> {
  const claims = readClaims(paths, bootId);
  const known = new Set(claims.map(({ runId }) => runId));
  const dead = claims
    .filter(({ alive }) => !alive)
    .map(({ claim, runId }) => {
      const directories = [...(readDescription(join(paths.runs, claim))?.groupsIn ?? []), ...cgroupDirectories];
      return { runId, claim, groups: [...new Set(directories)].map((directory) => join(directory, `isolate-${runId}`)) };
    });
  const unknown = cgroupDirectories.flatMap((directory) =>
    readDirectory(directory).flatMap((name) => {
      const runId = cgroupName.exec(name)?.[1];
      return runId === undefined || known.has(runId) ? [] : [join(directory, name)];
    }),
  );
  await endGroups(
    dead.flatMap(({ groups }) => groups),
    patience,
  );
  for (const path of unknown) if (isOlder(path, nowMs - unknownCgroupMs)) await removeGroup(path);
  for (const { claim, groups } of dead) {
    // Nothing else records where such a group is and that its run is dead.
    if (!groups.some((path) => existsSync(path))) rmSync(join(paths.runs, claim), { force: true });
  }
  return dead.map(({ runId }) => runId);
}

/** A living run, as its claim describes it. */
export interface RunEntry extends Omit<RunDescription, 'groupsIn'> {
  readonly runId: string;
  /** Of the process with which the run ends. */
  readonly pid: number;
  /** When that process started, as in `HolderId`. */
  readonly startTime: string;
  /** The pid namespace in which `pid` is valid, as /proc/PID/ns/pid names it. */
  readonly pidNamespace: string;
  /** Login name; null: the uid has none in /etc/passwd. */
  readonly user: string | null;
}

/** The runs whose claims lie in `paths`, the oldest first. */
export function readRuns(paths: RuntimePaths, bootId: string): readonly RunEntry[] {
  const claims = readClaims(paths, bootId).filter(({ alive }) => alive);
  if (claims.length === 0) return [];
  const passwd = readText('/etc/passwd') ?? '';
  const pidNamespace = readPidNamespace(paths.root);
  return claims
    .flatMap(({ runId, claim, pid, startTime }) => {
      const description = readDescription(join(paths.runs, claim));
      if (description === null) return [];
      const { groupsIn: _own, ...shown } = description;
      return [{ ...shown, runId, pid, startTime, pidNamespace, user: findUserName(passwd, description.uid) }];
    })
    .toSorted((left, right) => left.sinceMs - right.sinceMs);
}

interface Claim extends Pick<HolderId, 'pid' | 'startTime'> {
  readonly runId: string;
  readonly claim: string;
  readonly alive: boolean;
}

function readClaims(paths: RuntimePaths, bootId: string): readonly Claim[] {
  return readDirectory(paths.runs).flatMap((claim) => {
    const name = parseClaimName(claim);
    if (name === null) return [];
    const { pid, startTime } = name.holder;
    return [{ runId: name.runId, claim, pid, startTime, alive: isAlive(name.holder, bootId) }];
  });
}

/** The uid of the run that this process holds or, if it is dead, held; null: unknown. */
export function findRunOwner(paths: RuntimePaths, holder: HolderId): number | null {
  const claim = readDirectory(paths.runs).find((name) => name.slice(17) === formatHolder(holder));
  return claim === undefined ? null : (readDescription(join(paths.runs, claim))?.uid ?? null);
}

/** Null: the run has just ended, or its claim is being written. */
function readDescription(path: string): RunDescription | null {
  try {
    return parseRunDescription(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** What a claim says about its run; null for anything that `claimRun` did not write completely. */
export function parseRunDescription(text: string): RunDescription | null {
  try {
    const data: unknown = JSON.parse(text);
    return isDescription(data) ? data : null;
  } catch {
    return null;
  }
}

/** The id of the run and its holder from the name of a claim; null: it is not a claim. */
export function parseClaimName(claim: string): { readonly runId: string; readonly holder: HolderId } | null {
  const runId = claim.slice(0, 16);
  const holder = claim[16] === '.' ? parseHolder(claim.slice(17)) : null;
  return runName.test(runId) && holder !== null ? { runId, holder } : null;
}

function isDescription(data: unknown): data is RunDescription {
  if (typeof data !== 'object' || data === null) return false;
  const { template, clone, engine, command, uid, sinceMs, groupsIn = [] } = data as Readonly<Record<string, unknown>>;
  if (!Array.isArray(groupsIn) || !groupsIn.every(isText)) return false;
  if (!Array.isArray(command) || !(clone === null || typeof clone === 'string')) return false;
  if (!isNumberTo(uid, Number.MAX_SAFE_INTEGER) || !isNumberTo(sinceMs, latestMs)) return false;
  return [template, engine, ...(command as unknown[])].every(isText);
}

/** The largest time that a Date can have. */
const latestMs = 8.64e15;

function isNumberTo(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isOlder(path: string, timeMs: number): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.mtimeMs < timeMs;
}

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { findHome, findUserName } from '../host/passwd.ts';
import { readText } from '../host/read-text.ts';
import { isAlive, readBootId } from '../pool/holder.ts';
import { type RuntimePaths, runtimePaths } from '../pool/paths.ts';
import { readOwnPidNamespace } from '../pool/pid-namespace.ts';
import { parseClaimName, parseRunDescription, type RunDescription, type RunEntry } from '../pool/claims/runs.ts';
import { findStatePlace } from '../run/own-places.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { ownRuntimePaths } from '../run/place.ts';
import { rightsOf } from '../host/rights.ts';

/** More runs of one user are not looked at. */
const mostRuns = 1000;
const longestClaim = 65_536;

/**
 * The runs on directories (`-t`) of users other than root, which neither root's state nor the daemon knows: those of the caller,
 * or where root asks of every user who has a process, as far as the user's state lies where it does by default. The oldest first.
 *
 * What lies there is the user's: no link is followed, nothing but small files of the user's is read, and only what a living process
 * of the user's holds counts.
 */
export function readUserRuns(uid: number): readonly RunEntry[] {
  const passwd = readText('/etc/passwd') ?? '';
  const bootId = readBootId();
  // Only what this namespace's processes hold counts.
  const pidNamespace = readOwnPidNamespace();
  const owners = rightsOf(uid) === 'root' ? listUsers() : [uid];
  return owners
    .flatMap((owner) => {
      const home = findHome(passwd, owner);
      const places = rightsOf(uid) === 'root' ? usualPlaces(owner, home) : [ownRuntimePaths({ user: { uid } })];
      const user = findUserName(passwd, owner);
      return places.flatMap(({ runs }) => readRunsOf(owner, runs, bootId)).map((run) => ({ ...run, user, pidNamespace }));
    })
    .toSorted((left, right) => left.sinceMs - right.sinceMs);
}

function usualPlaces(uid: number, home: string | null): readonly RuntimePaths[] {
  const ofHome = home === null ? [] : [findStatePlace(uid, { HOME: home }).path];
  return [`/run/user/${uid}/isolate`, ...ofHome].map((path) => runtimePaths(path));
}

/** Where the state of a user with these variables may lie; looks at no path of theirs. */
export function placesOfUser(uid: number, variables: Readonly<Record<string, string>>, passwd: string): readonly RuntimePaths[] {
  const { HOME: home = '', XDG_RUNTIME_DIR: runtime = '' } = variables;
  const usual = usualPlaces(uid, home.startsWith('/') ? home : findHome(passwd, uid));
  return runtime.startsWith('/') ? [...usual, runtimePaths(join(runtime, 'isolate'))] : usual;
}

/** Where that of all users but root may lie, as far as it lies where it does by default. */
export function placesOfUsers(passwd: string): readonly RuntimePaths[] {
  const named = passwd.split('\n').map((line) => line.split(':')[2]);
  const uids = [...named, ...readDirectory('/run/user')].map(Number).filter((uid) => uid > 0);
  return [...new Set(uids)].flatMap((uid) => usualPlaces(uid, findHome(passwd, uid)));
}

/** Users other than root who have a process. */
function listUsers(): readonly number[] {
  const owners = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(ownerOf);
  return [...new Set(owners)].filter((owner) => owner !== null && owner !== 0) as number[];
}

function ownerOf(pid: string | number): number | null {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? null;
}

function readRunsOf(owner: number, directory: string, bootId: string): Omit<RunEntry, 'user' | 'pidNamespace'>[] {
  return listClaims(owner, directory).flatMap((claim) => {
    const name = parseClaimName(claim);
    if (name === null || !isAlive(name.holder, bootId) || ownerOf(name.holder.pid) !== owner) return [];
    const description = readClaim(owner, join(directory, claim));
    // Clones are the daemon's to tell of.
    return description === null || !description.template.startsWith('/')
      ? []
      : [{ ...description, uid: owner, runId: name.runId, pid: name.holder.pid, startTime: name.holder.startTime }];
  });
}

function listClaims(owner: number, directory: string): readonly string[] {
  try {
    return isOwnPlace(owner, directory) ? readdirSync(directory).slice(0, mostRuns) : [];
  } catch {
    return [];
  }
}

/** A directory of the owner's that no link leads to. */
function isOwnPlace(owner: number, directory: string): boolean {
  for (let path = directory; path !== '/'; path = dirname(path)) {
    const stats: Stats = lstatSync(path);
    if (!stats.isDirectory() || (path === directory && stats.uid !== owner)) return false;
  }
  return true;
}

function readClaim(owner: number, path: string): RunDescription | null {
  let file: number | null = null;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.uid !== owner || stats.size > longestClaim) return null;
    const text = Buffer.alloc(longestClaim);
    return parseRunDescription(text.toString('utf8', 0, readSync(file, text)));
  } catch {
    return null;
  } finally {
    if (file !== null) closeSync(file);
  }
}

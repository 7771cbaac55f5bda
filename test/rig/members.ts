import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chmod, chown, copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { finished, type Finished, isolatePath } from './isolate.ts';
import { addPlainUser } from './plain-user.ts';

const run = promisify(execFile);

/** A user who is not root, with a home of its own. */
export interface Member {
  readonly uid: number;
  readonly name: string;
  readonly home: string;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Variables that it sets to something unusual. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The group `isolate` of this mount namespace. */
export const memberGroup = 54_999;

/** Makes the group `isolate`, once, in this mount namespace; only inside `test/rig/enter`. */
export async function addMemberGroup(): Promise<void> {
  const copy = `/etc/isolate/users/group-${randomBytes(4).toString('hex')}`;
  await copyFile('/etc/group', copy);
  await chmod(copy, 0o644);
  await appendFile(copy, `isolate:x:${memberGroup}:\n`);
  await run('mount', ['--bind', copy, '/etc/group']);
}

/** Adds a user, in the group `isolate` unless it is said otherwise; `subordinate`: the first of its subordinate ids, or none. */
export async function addMember(
  uid: number,
  { groups = [memberGroup], subordinate }: { readonly groups?: readonly number[]; readonly subordinate?: number | null } = {},
): Promise<Member> {
  const home = await mkdtemp(join(tmpdir(), 'isolate-home-'));
  await chown(home, uid, uid);
  await addPlainUser(home, uid, subordinate);
  return { uid, name: `plain${uid}`, home, groups };
}

/** Starts a program of the build as a user; its home is the working directory. */
export function startAs(
  { uid, home, groups, environment: own = {} }: Member,
  args: readonly string[],
  program: 'isolate' | 'isolate-node' = 'isolate',
): ChildProcess {
  const supplementary = groups.length === 0 ? ['--clear-groups'] : [`--groups=${groups.join(',')}`];
  const identity = [`--reuid=${uid}`, `--regid=${uid}`, ...supplementary, '--'];
  const environment = { PATH: process.env['PATH'], HOME: home, TERM: 'dumb', ...own };
  return spawn('setpriv', [...identity, join(isolatePath, '..', program), ...args], { stdio: 'pipe', env: environment, cwd: home });
}

/** Runs it to its end. */
export async function runAs(member: Member, args: readonly string[], program: 'isolate' | 'isolate-node' = 'isolate'): Promise<Finished> {
  const child = startAs(member, args, program);
  child.stdin?.end();
  return await finished(child);
}

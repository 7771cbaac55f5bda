import { accessSync, constants, lstatSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { Found } from '../host/resolve-beneath.ts';
import { describeSource } from '../spec/bind.ts';
import type { Bind, SandboxSpec } from '../spec/spec.ts';
import { lookIntoBind } from './look-into-bind.ts';
import type { Tree } from './look-into-root.ts';

export interface WorkingDirectoryContext {
  readonly tree: Tree;
  /** The real path of /tmp in the rootfs. */
  readonly tmp: string;
  readonly facts: Pick<Facts, 'user' | 'paths'>;
}

export type WorkingSpec = Pick<SandboxSpec, 'root' | 'workingDirectory' | 'binds' | 'hooks'>;

/**
 * Throws `usage` or `not-permitted` for a working directory in which the command could not be started. Accepts directories of the kernel
 * and the engine (/proc, /sys, /dev), those that a hook may still make, and those that were not looked up.
 */
export function checkWorkingDirectory(spec: WorkingSpec, look: Found | IsolateError | undefined, context: WorkingDirectoryContext): void {
  const wanted = spec.workingDirectory;
  if (look === undefined || /^\/(?:proc|sys|dev)(?:\/|$)/.test(wanted)) return;
  if (look instanceof IsolateError) {
    throw new IsolateError(look.code === 'bad-bind' ? 'usage' : look.code, `The working directory ${wanted} cannot be used.`, {
      cause: look,
    });
  }
  const outer = spec.binds.findLast(({ target }) => `${look.path}/`.startsWith(`${target}/`));
  if (outer === undefined) checkInRoot(spec, look, context);
  else checkInBind(wanted, look.path, outer, context);
}

function checkInRoot({ root, workingDirectory, binds, hooks }: WorkingSpec, { path, kind }: Found, context: WorkingDirectoryContext): void {
  const { tree, tmp, facts } = context;
  if (kind === 'other') throw new IsolateError('usage', `The working directory ${workingDirectory} is not a directory in ${tree.name}.`);
  const isMade = hooks.pre !== undefined || binds.some(({ target }) => target.startsWith(`${path}/`));
  if (!isMade && (kind === 'missing' || (kind === 'hidden' && path.startsWith(`${tmp}/`)))) throw missing(workingDirectory, tree.name);
  if (root.kind === 'directory' && kind === 'directory' && facts.user.rights !== 'root' && !canEnter(`${tree.path}${path}`, facts)) {
    throw new IsolateError('not-permitted', `The working directory ${workingDirectory} in ${tree.name} cannot be entered by this user.`);
  }
}

function checkInBind(wanted: string, path: string, bind: Bind, { facts }: WorkingDirectoryContext): void {
  const { kind } = lookIntoBind(bind, path, facts);
  if (kind === 'missing') throw missing(wanted, `${describeSource(bind)}, which is shown at ${bind.target}`);
  // What is in an image, or at a path inside, is found out there.
  if (kind !== 'directory' && kind !== 'hidden') throw new IsolateError('usage', `The working directory ${wanted} is not a directory.`);
}

function missing(wanted: string, where: string): IsolateError {
  return new IsolateError('usage', `The working directory ${wanted} is missing in ${where}.`);
}

/** The sandbox's root can enter every directory that belongs to an id of the sandbox, which in a clone is every one. */
function canEnter(path: string, { user }: Pick<Facts, 'user'>): boolean {
  try {
    const { uid } = lstatSync(path);
    if (uid === user.uid || user.subordinateUids.some(({ start, count }) => uid >= start && uid < start + count)) return true;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

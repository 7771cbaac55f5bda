import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

import { IsolateError } from '../error.ts';
import type { PathFacts, UserFacts } from '../host/facts.ts';
import { probePath } from '../host/path-facts.ts';
import { isReachableByOthers } from '../host/reachable.ts';
import { findWriterAbove } from '../host/writers-above.ts';
import type { TemplateRef } from './template-ref.ts';

type Caller = Pick<UserFacts, 'uid' | 'gid' | 'rights'>;

/**
 * Throws `cannot-enforce` for a directory at which other users of this host could reach a template: its set-uid programs, which anybody
 * may have made, would give them the rights of the template's owner.
 */
export function refuseReachable(ref: TemplateRef, caller: Caller): void {
  if (ref.kind !== 'directory') return;
  const named = dirname(ref.path);
  // One that is missing is made for its owner alone.
  if (!existsSync(named)) return;
  // A link in a private directory may lead out of it.
  const parent = realpathSync(named);
  if (keepsOthersOut(parent, caller)) return;
  throw new IsolateError('cannot-enforce', `Other users can enter ${parent}, and could start set-uid programs of a template there.`, {
    hint: `chmod go-x ${parent}, or make a directory in it that only you may enter`,
  });
}

/**
 * Throws `cannot-enforce` for a directory to whose path somebody else could give another meaning while it is being changed. They would
 * have the caller write, copy or remove files elsewhere.
 */
export function refuseMovable(ref: TemplateRef, { uid }: Caller): void {
  const writer = ref.kind === 'directory' ? findWriterAbove(ref.path, uid) : null;
  if (writer === null || ref.kind !== 'directory') return;
  throw new IsolateError('cannot-enforce', `${ref.path} is not safe to change: ${writer.who} can change ${writer.path}.`, {
    hint: `keep templates where only their owner can change anything${uid === 0 ? ', or change this one as its owner' : ''}`,
  });
}

function keepsOthersOut(directory: string, caller: Caller): boolean {
  if (caller.rights === 'root') return !isReachableByOthers(directory);
  for (let path = directory; ; path = dirname(path)) {
    if (isClosed(probePath(path), caller)) return true;
    if (path === '/') return false;
  }
}

/** Whether nobody but the caller and root can enter it. Most users have a group of their own. */
export function isClosed(facts: PathFacts | null, { uid, gid }: Pick<Caller, 'uid' | 'gid'>): boolean {
  if (facts === null || facts.kind !== 'directory' || ![0, uid].includes(facts.uid)) return false;
  return (facts.mode & (facts.gid === gid ? 0o001 : 0o011)) === 0;
}

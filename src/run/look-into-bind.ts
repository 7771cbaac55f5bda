import { bindKind } from '../engine/placed-bind.ts';
import type { Facts } from '../host/facts.ts';
import { type Found, lookBeneath } from '../host/resolve-beneath.ts';
import type { Bind } from '../spec/spec.ts';

/** What is at a path below a bind's target, in the bind's source. */
export function lookIntoBind(bind: Bind, path: string, facts: Pick<Facts, 'paths'>): Found {
  const rest = path.slice(bind.target.length);
  if (rest === '') return { path: rest, kind: bindKind(bind, facts) === 'directory' ? 'directory' : 'other' };
  if (typeof bind.source === 'string') return lookBeneath(bind.source, rest);
  // What is in an image, or at a path inside, only the sandbox sees.
  return { path: rest, kind: 'memoryBytes' in bind.source ? 'missing' : 'hidden' };
}

import type { BytePath, Change } from '../change.ts';
import type { Texts } from './rule.ts';

/** The file of /etc/skel that useradd(8) copies to a new one at the beginning of a home; null: there is none of that kind. */
export function skeletonOf({ path, before, after }: Change): BytePath | null {
  const [, name] = /^home\/[^/]+\/(\.[^/]+)$/.exec(path) ?? [];
  return name !== undefined && before === null && after?.kind === 'file' ? `etc/skel/${name}` : null;
}

/** Whether a change adds the copy of a file that was in /etc/skel before. */
export function isSkeletonCopy(change: Change, texts: Texts): boolean {
  const skeleton = skeletonOf(change);
  if (skeleton === null) return false;
  const text = texts.get(change.path)?.after ?? null;
  return text !== null && texts.get(skeleton)?.before === text;
}

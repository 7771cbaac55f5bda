import { basename } from 'node:path';

import { rootName } from '../spec/root-ref.ts';
import type { ClonedRoot } from './record.ts';

/** `debian-1`, `debian-2`, ...: names for a session that was given none, of which the first free one is taken. */
export function* suggestNames(root: ClonedRoot): Generator<string> {
  const base = basename(rootName(root))
    .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 48);
  for (let number = 1; ; number += 1) yield `${base === '' ? 'session' : base}-${number}`;
}

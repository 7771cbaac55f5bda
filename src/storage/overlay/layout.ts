import { join } from 'node:path';

import { type CloneLayout, cloneLayout, directoryKey } from '../clones/layout.ts';

/** The directory of all templates' layers. */
export function overlayDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'overlay');
}

/** The layout for a template directory below `stateDirectory`; two paths never share one. */
export function overlayLayout(stateDirectory: string, template: string): CloneLayout {
  return cloneLayout(join(overlayDirectory(stateDirectory), directoryKey(template)));
}

import { readdirSync } from 'node:fs';

import type { DesktopFacts } from './facts.ts';
import type { Search } from './desktop-search.ts';

const directory = '/dev/dri';

/** The nodes of the kernel's graphics drivers. */
export function findGpu(): Search<NonNullable<DesktopFacts['gpu']>> {
  const devices = listNodes();
  if (devices.length > 0) return { found: { devices } };
  return { missing: `There is no graphics device in ${directory}.`, hint: 'load the driver of the graphics card, if there is one' };
}

function listNodes(): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isCharacterDevice())
      .map((entry) => `${directory}/${entry.name}`)
      .sort();
  } catch {
    return [];
  }
}

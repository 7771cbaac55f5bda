import { existsSync } from 'node:fs';

import type { HostFacts } from '../facts.ts';
import { type Check, ok } from './check.ts';

/** isolate's own compiled parts; an empty path is one that was looked for in vain. */
export function checkOwnFiles(files: HostFacts['files']): Check {
  const hint = 'scripts/build in the checkout';
  if (files.launcher === '') return { id: 'own-files', state: 'missing', fact: 'isolate-launch was not found beside isolate', hint };
  const absent = Object.values(files).filter((file) => !existsSync(file));
  if (absent.length === 0) return ok('own-files', `launcher and filters are there: ${files.launcher}`);
  return { id: 'own-files', state: 'missing', fact: `not built: ${absent.join(', ')}`, hint };
}

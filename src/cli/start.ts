import './check-node.ts';
import { readFileSync } from 'node:fs';

import { codeCachePath, loadProgram } from './code-cache.ts';

loadProgram(import.meta.dirname, readCache()).run();

/** Without it everything works, but more slowly. */
function readCache(): Buffer | undefined {
  try {
    return readFileSync(codeCachePath(import.meta.dirname));
  } catch {
    return undefined;
  }
}

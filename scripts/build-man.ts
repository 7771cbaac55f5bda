// Writes the manual page: scripts/build-man.ts FILE
import { writeFileSync } from 'node:fs';

import { renderManPage } from './man-page.ts';
import { version } from '../src/cli/version.ts';
import { engines } from '../src/engine/registry.ts';

const [, , file] = process.argv;
if (file === undefined) {
  throw new Error('usage: scripts/build-man.ts FILE');
}
writeFileSync(file, renderManPage(engines, version));

// Writes the manual pages: scripts/build-man.ts DIRECTORY
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { pageOf, renderManPage, renderVerbPage } from './man-page.ts';
import { allVerbs } from '../src/cli/verbs.ts';
import { version } from '../src/cli/version.ts';
import { engines } from '../src/engine/registry.ts';

const [, , directory] = process.argv;
if (directory === undefined) {
  throw new Error('usage: scripts/build-man.ts DIRECTORY');
}
writeFileSync(join(directory, 'isolate.1'), renderManPage(engines, version));
for (const verb of allVerbs) writeFileSync(join(directory, `${pageOf(verb)}.1`), renderVerbPage(verb, engines, version));

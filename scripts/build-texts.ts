// Writes the texts that the fast client shares with Node: scripts/build-texts.ts [FILE]; test/unit/process/texts-header.test.ts compares.
import { writeFileSync } from 'node:fs';

import { renderTextsHeader } from '../src/process/texts-header.ts';

writeFileSync(process.argv[2] ?? 'client/texts.h', renderTextsHeader());

// Writes the texts that the fast client shares with Node: scripts/build-texts.ts [FILE]; test/unit/client-texts.test.ts compares.
import { writeFileSync } from 'node:fs';

import { renderTextsHeader } from './texts-header.ts';

writeFileSync(process.argv[2] ?? 'client/texts.h', renderTextsHeader());

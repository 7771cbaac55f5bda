// Writes the C sides of the schemas and the tables of launcher/RECORD.md; test/unit/{wire,launch}/schema.test.ts compare.
import { readFileSync, writeFileSync } from 'node:fs';

import { renderChannelHeader } from './channel-header.ts';
import { renderSchemaHeader } from './gate-header.ts';
import { renderLaunchHeader } from './launch-header.ts';
import { fillLaunchTables } from './launch-tables.ts';

writeFileSync('gate/schema.h', renderSchemaHeader());
writeFileSync('guest/schema.h', renderChannelHeader());
writeFileSync('launcher/schema.h', renderLaunchHeader());
writeFileSync('launcher/RECORD.md', fillLaunchTables(readFileSync('launcher/RECORD.md', 'utf8')));

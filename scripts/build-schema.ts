// Writes the C side of the protocol's schema: scripts/build-schema.ts [FILE]; test/unit/wire/schema.test.ts compares.
import { writeFileSync } from 'node:fs';

import { renderSchemaHeader } from '../src/wire/schema-header.ts';

writeFileSync(process.argv[2] ?? 'gate/schema.h', renderSchemaHeader());

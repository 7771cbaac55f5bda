// Writes an initramfs with a program as /init.
//
//   node scripts/build-initramfs.ts PROGRAM FILE
import { readFileSync, writeFileSync } from 'node:fs';

import { writeCpio } from '../src/kernel/cpio.ts';

const [program = '', file = ''] = process.argv.slice(2);
const [regular, directory, device] = [0o100000, 0o040000, 0o020000];

writeFileSync(
  file,
  writeCpio([
    { name: 'dev', mode: directory | 0o755 },
    { name: 'dev/console', mode: device | 0o600, device: [5, 1] },
    { name: 'init', mode: regular | 0o755, content: readFileSync(program) },
  ]),
);

/*
 * Runs the bundle in DIRECTORY with ARGUMENTs and keeps the code it was compiled to by its end: build-code-cache.ts DIRECTORY
 * [ARGUMENT...]. It decides for a client that is not there, so what it would have ended itself for is given back.
 */
import { openSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { codeCachePath, loadBundle } from '../src/cli/code-cache.ts';

const [node = '', , directory = '', ...words] = process.argv;
process.argv = [node, 'isolate', ...words];
process.env['ISOLATE_CLIENT'] = String(openSync('/dev/null', 'w'));
process.kill = () => true;
const { script, run } = loadBundle(resolve(directory));
process.on('exit', () => {
  const file = codeCachePath(directory);
  writeFileSync(`${file}.new`, script.createCachedData());
  renameSync(`${file}.new`, file);
});
run();

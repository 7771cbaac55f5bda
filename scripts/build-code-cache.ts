/* Runs the bundle in DIRECTORY with ARGUMENTs and keeps the code it was compiled to by its end: build-code-cache.ts DIRECTORY [ARGUMENT...]. */
import { renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { codeCachePath, loadBundle } from '../src/cli/code-cache.ts';

const [node = '', , directory = '', ...words] = process.argv;
process.argv = [node, 'isolate', ...words];
const { script, run } = loadBundle(resolve(directory));
process.on('exit', () => {
  const file = codeCachePath(directory);
  writeFileSync(`${file}.new`, script.createCachedData());
  renameSync(`${file}.new`, file);
});
run();

/*
 * Runs the program for runs in DIRECTORY with ARGUMENTs and keeps the code it was compiled to by its end, beside what is kept already:
 * build-code-cache.ts DIRECTORY [ARGUMENT...]. It decides for a client that is not there, so what it would have ended itself for
 * is given back.
 */
import { existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { codeCachePath, loadProgram } from '../src/cli/code-cache.ts';

const [node = '', , directory = '', ...words] = process.argv;
process.argv = [node, 'isolate', ...words];
process.env['ISOLATE_CLIENT'] = String(openSync('/dev/null', 'w'));
process.kill = () => true;
const file = codeCachePath(directory);
const { script, run } = loadProgram(resolve(directory), existsSync(file) ? readFileSync(file) : undefined);
process.on('exit', () => {
  writeFileSync(`${file}.new`, script.createCachedData());
  renameSync(`${file}.new`, file);
});
run();

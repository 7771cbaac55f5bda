/*
 * Runs isolate in DIRECTORY with ARGUMENTs and keeps the code to which its programs were compiled by their end, beside what is kept
 * already: build-code-cache.ts DIRECTORY [ARGUMENT...]. It decides for a client that is not there, so what it would have ended itself
 * for is given back.
 */
import { openSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Script } from 'node:vm';

import { codeCachePath, type ProgramName, startProgram } from '../src/cli/code-cache.ts';

const [node = '', , directory = '', ...words] = process.argv;
process.argv = [node, 'isolate', ...words];
process.env['ISOLATE_CLIENT'] = String(openSync('/dev/null', 'w'));
process.kill = () => true;
const scripts = new Map<ProgramName, Script>();
process.on('exit', () => {
  for (const [name, script] of scripts) {
    const file = codeCachePath(directory, name);
    writeFileSync(`${file}.new`, script.createCachedData());
    renameSync(`${file}.new`, file);
  }
});
startProgram(resolve(directory), (name, script) => scripts.set(name, script));

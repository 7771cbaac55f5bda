import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Facts } from '../facts.ts';
import { findOtherWriters, type OtherWriter } from '../other-writers.ts';
import { buildHint } from '../own-files.ts';
import { type Check, ok } from './check.ts';
import { rightsOf } from '../rights.ts';

/** The program to check. */
export interface OwnProgram {
  readonly files: Facts['files'];
  /** The user who runs it. */
  readonly uid: number;
  /** The Node that runs it. */
  readonly node: string;
}

/** isolate's own compiled parts (an empty path: not found), and who could change them. */
export function checkOwnFiles(program: OwnProgram): Check {
  const { files } = program;
  if (files.launcher === '')
    return { id: 'own-files', state: 'missing', fact: 'isolate-launch is missing beside isolate', hint: buildHint };
  // The kernel of machines is built by itself, where somebody wants it (survey/machine.ts).
  const absent = Object.values({ ...files, kernel: files.launcher }).filter((file) => !existsSync(file));
  if (absent.length > 0) return { id: 'own-files', state: 'missing', fact: `not built: ${absent.join(', ')}`, hint: buildHint };
  const fact = describeOtherWriters(program);
  if (fact === null) return ok('own-files', `launcher and filters are present: ${files.launcher}`);
  return { id: 'own-files', state: 'limited', fact, hint: 'keep the build where only root can write, such as /opt/isolate' };
}

/** Who else could make the user run other code, without a full stop; null: nobody. */
export function describeOtherWriters({ files, uid, node }: OwnProgram): string | null {
  const directory = dirname(files.launcher);
  // client/node.c looks for Node there before it searches PATH, so nobody else may be able to put one there.
  const places = ['../node_modules', '../..'].map((place) => join(directory, place, `node-linux-${process.arch}/bin/node`));
  const [first, ...more] = findOtherWriters({ paths: [directory, node, ...places], uid });
  return first === undefined ? null : describe(first, more.length, rightsOf(uid) === 'root' ? 'root runs' : 'you run');
}

function describe({ path, who }: OtherWriter, more: number, runs: string): string {
  return `${path}${more === 0 ? '' : ` and ${more} more`} can be written by ${who}, and ${runs} isolate from there`;
}

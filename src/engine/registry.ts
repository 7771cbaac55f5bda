import { IsolateError } from '../error.ts';
import { bwrapEngine } from './bwrap.ts';
import { chrootEngine } from './chroot.ts';
import type { Engine } from './engine.ts';
import { lxcEngine } from './lxc.ts';

/** Every engine, in the order help and doctor print them. */
export const engines: readonly Engine[] = [bwrapEngine, lxcEngine, chrootEngine];

/** Wherever any engine mounts. */
export const allMountpoints: readonly string[] = [...new Set(engines.flatMap(({ capabilities }) => capabilities.mountpoints))];

/** The engine of that name; throws `usage` naming the ones there are. */
export function findEngine(name: string): Engine {
  const engine = engines.find((candidate) => candidate.name === name);
  if (engine === undefined) {
    throw new IsolateError('usage', `There is no engine named ${JSON.stringify(name)}.`, {
      hint: `engines: ${engines.map((candidate) => candidate.name).join(', ')}`,
    });
  }
  return engine;
}

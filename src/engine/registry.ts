import { IsolateError } from '../error.ts';
import { bwrapEngine } from './bwrap.ts';
import { chrootEngine } from './chroot.ts';
import type { Engine } from './engine.ts';
import { kvmEngine } from './kvm.ts';
import { lxcEngine } from './lxc.ts';

/** Every engine, in the order in which help and doctor print them. The first is the default. */
export const engines: readonly [Engine, ...Engine[]] = [bwrapEngine, lxcEngine, kvmEngine, chrootEngine];

/** Every directory on which some engine mounts. */
export const allMountpoints: readonly string[] = [...new Set(engines.flatMap(({ capabilities }) => capabilities.mountpoints))];

/** The engine of that name, or the default one; throws `usage`, which names the existing ones. */
export function findEngine(name: string = engines[0].name): Engine {
  const engine = engines.find((candidate) => candidate.name === name);
  if (engine === undefined) {
    throw new IsolateError('usage', `There is no engine named ${JSON.stringify(name)}.`, {
      hint: `engines: ${engines.map((candidate) => candidate.name).join(', ')}`,
    });
  }
  return engine;
}

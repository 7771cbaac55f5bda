import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { compileStatic } from '../rig/compile.ts';
import type { Member } from '../rig/members.ts';

/** A command to measure. */
export interface Candidate {
  readonly name: string;
  readonly command: readonly string[];
  /** Files opened at descriptors of the command; 0 to 2 are /dev/null. */
  readonly descriptors?: Readonly<Record<number, string>>;
  /** Who runs it, in the first of its supplementary groups; root unless given. */
  readonly user?: Member;
  /** How it ends; with 0 unless given. */
  readonly status?: number;
  /** Instead of that of the stopwatch. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** One run of a command. */
export interface Timing {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of the largest process of its tree. */
  readonly peakKib: number;
}

/** Runs a command once. Throws if it does not end as it should: what fails early is quick. */
export type Stopwatch = (candidate: Candidate) => Timing;

/** Builds the stopwatch; commands get `environment`. */
export async function makeStopwatch(environment: NodeJS.ProcessEnv): Promise<Stopwatch> {
  const program = await compileStatic(join(import.meta.dirname, 'stopwatch.c'));
  return ({ name, command, descriptors = {}, user, environment: own = environment, status: wanted = 0 }) => {
    const files = Object.entries(descriptors).map(([number, file]) => `${number}=${file}`);
    const env = user === undefined ? own : { ...own, HOME: user.home };
    const identity = user === undefined ? [] : [`@${user.uid},${user.groups[0] ?? user.uid}`];
    const { stdout } = spawnSync(program, [...files, ...identity, ...command], { env, encoding: 'utf8', timeout: 60_000 });
    const [wall, userUs, systemUs, peakKib, status] = stdout.split(' ').map(Number) as [number, number, number, number, number];
    if (status !== wanted) throw new Error(`${name} ended with status ${status}: ${command.join(' ')}`);
    return { wallMs: wall / 1e6, cpuMs: (userUs + systemUs) / 1e3, peakKib };
  };
}

import { IsolateError } from '../error.ts';
import type { CgroupController, CgroupFacts } from '../host/facts.ts';
import { limitNames, type Limits } from '../spec/spec.ts';
import type { EngineCapabilities, PlanInput, Problem } from './engine.ts';
import type { CgroupDirectory, Launch } from '../launch/launch.ts';
import type { Rights } from '../host/rights.ts';

/** The period for counting the processor time of a group, in microseconds: the kernel's default (sched-bwc.rst). */
const periodUs = 100_000;

/** The smallest share that the kernel accepts: 1 ms per period. */
const leastQuotaUs = 1000;

/** The processes of an engine in the group besides the command: its monitor, its init, the stage, and one being forked. */
const engineProcesses = 4;

interface Rule {
  readonly limit: keyof Limits;
  readonly settings: (value: number, version: 1 | 2) => CgroupDirectory['settings'];
}

type Controller = (typeof limitNames)[keyof Limits];

const rules: readonly Rule[] = [
  { limit: 'cpuPercent', settings: cpuSettings },
  { limit: 'memoryBytes', settings: memorySettings },
  { limit: 'pids', settings: pidsSettings },
];

/** One problem for every limit that has no controller here, because a limit is enforced or refused. `rights` are the caller's. */
export function checkLimits(limits: Limits, cgroups: CgroupFacts, rights: Rights): Problem[] {
  if (cgroups.byDaemon === true) return [];
  const why = rights === 'root' ? whyNotForRoot : whyNotForUser;
  return findUnenforceable(limits, cgroups).map((controller) => ({ code: 'cannot-enforce', ...why(controller) }));
}

function whyNotForRoot(controller: Controller): Pick<Problem, 'message' | 'hint'> {
  return {
    message: `--${controller} cannot be enforced: this host has no ${controller} controller for cgroups.`,
    hint: 'isolate doctor shows how to get it (cgroups)',
  };
}

function whyNotForUser(controller: Controller): Pick<Problem, 'message' | 'hint'> {
  return {
    message: `--${controller} cannot be enforced: you may not make a cgroup with the ${controller} controller.`,
    hint: 'run isolate with sudo, on a clone (-z) of the daemon, or in a session that systemd delegates cgroups to',
  };
}

/** The controllers that the limits need and this host does not offer. */
export function findUnenforceable(limits: Limits, cgroups: CgroupFacts): readonly Controller[] {
  return rules.flatMap(({ limit }) => (limits[limit] !== undefined && cgroups[limitNames[limit]] === null ? [limitNames[limit]] : []));
}

/** The limits of a run's groups, which also hold what the engine takes for itself. */
export function groupLimits(limits: Limits, { ownMemoryBytes = 0 }: Pick<EngineCapabilities, 'ownMemoryBytes'>): Limits {
  const { memoryBytes } = limits;
  return memoryBytes === undefined ? limits : { ...limits, memoryBytes: memoryBytes + ownMemoryBytes };
}

/** The groups of a launch: those that the daemon makes for it, else those that the launcher makes. */
export function planGroups({ spec, facts, groups, runId }: PlanInput): Pick<Launch, 'cgroups' | 'groupsOfRun'> {
  if (facts.cgroups.byDaemon !== true) return { cgroups: planCgroups(spec.limits, facts.cgroups, runId) };
  if (groups === undefined) throw new IsolateError('cannot-enforce', 'The daemon made no cgroups for the limits of this run.');
  return { cgroups: groups.directories, groupsOfRun: groups.run };
}

/**
 * The groups that a launch with these limits joins: one in each hierarchy (v1 or v2) with a controller that it needs, and one in each of
 * `cgroups.others`. Throws `cannot-enforce` for a limit without a controller. (cgroup-v1/, cgroup-v2.rst)
 */
export function planCgroups(limits: Limits, cgroups: CgroupFacts, runId: string): readonly CgroupDirectory[] {
  // A run was checked before, with its own caller; the daemon, which plans groups too, is root.
  const [problem] = checkLimits(limits, cgroups, 'root');
  if (problem !== undefined) {
    throw new IsolateError(problem.code, problem.message, problem.hint === undefined ? {} : { hint: problem.hint });
  }
  const settings = new Map<string, CgroupDirectory['settings']>();
  for (const rule of rules) {
    const value = limits[rule.limit];
    const controller = cgroups[limitNames[rule.limit]];
    if (value === undefined || controller === null) continue;
    const path = groupPath(controller, runId);
    settings.set(path, [...(settings.get(path) ?? []), ...rule.settings(value, controller.version)]);
  }
  for (const place of cgroups.others) settings.set(groupPath(place, runId), place.settings);
  return [...settings].map(([path, all]) => ({ path, settings: all }));
}

/** After a crash the group is found by this name. */
function groupPath({ directory }: Pick<CgroupController, 'directory'>, runId: string): string {
  return `${directory.replace(/\/$/, '')}/isolate-${runId}`;
}

function cpuSettings(percent: number, version: 1 | 2): CgroupDirectory['settings'] {
  const quotaUs = Math.max(leastQuotaUs, Math.round((percent * periodUs) / 100));
  if (version === 2) return [{ file: 'cpu.max', value: `${quotaUs} ${periodUs}` }];
  return [
    { file: 'cpu.cfs_period_us', value: String(periodUs) },
    { file: 'cpu.cfs_quota_us', value: String(quotaUs) },
  ];
}

function memorySettings(bytes: number, version: 1 | 2): CgroupDirectory['settings'] {
  return [{ file: version === 2 ? 'memory.max' : 'memory.limit_in_bytes', value: String(bytes) }];
}

/** Both versions have this file. */
function pidsSettings(pids: number): CgroupDirectory['settings'] {
  return [{ file: 'pids.max', value: String(pids + engineProcesses) }];
}

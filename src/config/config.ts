import type { SandboxIds } from '../host/facts.ts';

/** The administrator's settings, merged from all files; docs/daemon.md describes each. */
export interface Config {
  /** Fresh clones of a template that says nothing itself; null: not said. */
  readonly count: number | null;
  /** By dataset, in the order of the files. */
  readonly templates: ReadonlyMap<string, TemplateConfig>;
  readonly limits: LimitsConfig;
  /** What root's sandboxes take their ids from; null: as /etc/subuid and /etc/subgid say. */
  readonly ids: SandboxIds | null;
  /** The files that were read, in their order: absolute paths. */
  readonly files: readonly string[];
}

export interface TemplateConfig {
  readonly count: number | null;
  /** Login names, decimal uids, or `*` for everybody. */
  readonly users: readonly string[];
  /** Names of groups, or decimal gids. */
  readonly groups: readonly string[];
  /** null: every engine. */
  readonly engines: readonly string[] | null;
}

/** What one user other than root may have of the daemon. */
export interface UserLimits {
  /** Leases at one time. */
  readonly leases: number;
  readonly leasesPerMinute: number;
  /** Requests that wait for a clone at one time; they count among the leases too. */
  readonly waiting: number;
  /** The most that one run may ask for; absent: anything. */
  readonly cpuPercent?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

export interface LimitsConfig extends UserLimits {
  /** What differs for some, by login name or decimal uid. */
  readonly users: ReadonlyMap<string, Partial<UserLimits>>;
}

export const configPath = '/etc/isolate/config.toml';
export const dropInDirectory = '/etc/isolate/config.d';

/** How many fresh clones the settings want for `template`: its own `count`, else the one for all, else null. */
export function templateCount(config: Config, template: string): number | null {
  return config.templates.get(template)?.count ?? config.count;
}

import type { SandboxIds } from '../host/facts.ts';
import type { Limits } from '../spec/spec.ts';

/** The administrator's settings, merged from all files; docs/daemon.md describes each. */
export interface Config {
  /** Fresh clones of a template without its own `count`; null: not set. */
  readonly count: number | null;
  /** Keyed by dataset, in the order of the files. */
  readonly templates: ReadonlyMap<string, TemplateConfig>;
  readonly limits: LimitsConfig;
  /** The template of a run that names none: a name, a dataset or an absolute path; null: not set. */
  readonly template: string | null;
  /** The engine of such a run; null: not set. */
  readonly engine: string | null;
  /** Where the host's templates are that have only a name: a dataset or an absolute path; null: not set. */
  readonly store: string | null;
  /** Where root's sandboxes take their ids from; null: from /etc/subuid and /etc/subgid. */
  readonly ids: SandboxIds | null;
  /** The absolute paths of the files, in the order in which they were read. */
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

/** What one user other than root may have from the daemon, and as `Limits` the most that one run may ask for; absent: no ceiling. */
export interface UserLimits extends Limits {
  /** Leases at a time. */
  readonly leases: number;
  readonly leasesPerMinute: number;
  /** Requests that wait for a clone at a time; they also count as leases. */
  readonly waiting: number;
  /** Sessions that are kept. */
  readonly sessions: number;
}

export interface LimitsConfig extends UserLimits {
  /** Exceptions for single users, by login name or decimal uid. */
  readonly users: ReadonlyMap<string, Partial<UserLimits>>;
}

export const configPath = '/etc/isolate/config.toml';
export const dropInDirectory = '/etc/isolate/config.d';

/** How many fresh clones the settings want for `template`: its own `count`, else the one for all, else null. */
export function templateCount(config: Config, template: string): number | null {
  return config.templates.get(template)?.count ?? config.count;
}

/**
 * The limits of a user: the keys that are set for it, by its number before by its name, else those of all. `name` is null
 * where the host knows none.
 */
export function limitsOf({ limits: { users, ...all } }: Pick<Config, 'limits'>, uid: number, name: string | null): UserLimits {
  return { ...all, ...(name === null ? {} : users.get(name)), ...users.get(String(uid)) };
}

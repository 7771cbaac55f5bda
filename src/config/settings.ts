import type { TemplateConfig, UserLimits } from './config.ts';

/** The settings in one file; absent: not set. */
export interface Settings {
  readonly count?: number;
  readonly template?: string;
  readonly engine?: string;
  readonly store?: string;
  readonly templates: ReadonlyMap<string, TemplateSettings>;
  readonly limits: Partial<UserLimits>;
  readonly userLimits: ReadonlyMap<string, Partial<UserLimits>>;
  readonly ids: IdSettings;
}

export type TemplateSettings = { readonly [Key in keyof TemplateConfig]?: NonNullable<TemplateConfig[Key]> };

/** The keys of `[ids]`. */
export type IdSettings = Partial<Readonly<Record<IdKey, number>>>;

export type IdKey = 'uid_start' | 'gid_start' | 'count';

/** An invalid key. */
export interface SettingFault {
  readonly path: readonly string[];
  /** Index of the invalid element of its list, from 0. */
  readonly index?: number;
  /** A phrase. */
  readonly reason: string;
}

import type { TemplateConfig, UserLimits } from './config.ts';

/** What one file says; absent: nothing. */
export interface Settings {
  readonly count?: number;
  readonly templates: ReadonlyMap<string, TemplateSettings>;
  readonly limits: Partial<UserLimits>;
  readonly userLimits: ReadonlyMap<string, Partial<UserLimits>>;
  readonly ids: IdSettings;
}

export type TemplateSettings = { readonly [Key in keyof TemplateConfig]?: NonNullable<TemplateConfig[Key]> };

/** The keys of `[ids]`. */
export type IdSettings = Partial<Readonly<Record<IdKey, number>>>;

export type IdKey = 'uid_start' | 'gid_start' | 'count';

/** A key that is not as it has to be. */
export interface SettingFault {
  readonly path: readonly string[];
  /** Of the element of its list that is at fault, from 0. */
  readonly index?: number;
  /** A phrase. */
  readonly reason: string;
}

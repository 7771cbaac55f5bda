import type { HostDefaults } from '../config/runs/host-defaults.ts';
import type { UserSettings } from '../config/runs/load.ts';
import { verbs } from './verbs.ts';

/** Everything that settings say about the caller's runs; the most important layer first. */
export interface AllSettings extends UserSettings, Pick<HostDefaults, 'store'> {}

/** The settings of the caller, read when they are first needed. Rejects with `bad-config`. */
export type SettingsSource = () => Promise<AllSettings>;

/** The settings of this process's own caller. */
export function ownSettings(): SettingsSource {
  return memoize(readOwnSettings);
}

/** Reads at most once. */
export function memoize(read: SettingsSource): SettingsSource {
  let reading: Promise<AllSettings> | null = null;
  return () => (reading ??= read());
}

async function readOwnSettings(): Promise<AllSettings> {
  // Most runs need none of this.
  const [{ loadUserSettings }, { findHostDefaults }, { ownSettingsCaller }] = await Promise.all([
    import('../config/runs/load.ts'),
    import('../run/host-defaults.ts'),
    import('./settings-caller.ts'),
  ]);
  const [user, host] = [await loadUserSettings(ownSettingsCaller(), verbs), await findHostDefaults()];
  return { ...user, layers: [...user.layers, host.layer], store: host.store };
}

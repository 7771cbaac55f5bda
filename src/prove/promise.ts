import type { ProofCase } from './cases.ts';

/** The settings that determine which cases a run promises to hold. */
export interface ProofSetting {
  /** The engine isolates at all. */
  readonly isolates: boolean;
  /** The filter in force; `smaller`: one that allows the calls of a container's init; `outside`: none, because the command has a kernel of its own. */
  readonly filter: 'whole' | 'smaller' | 'outside' | 'none';
  /** The sandbox's network: its own, the host's, or its own with an interface on a bridge. */
  readonly network: 'own' | 'host' | 'bridge';
  /** Devices of the host were given. */
  readonly devices: boolean;
  readonly tunnel: boolean;
  readonly workingDirectory: string;
  readonly limits: { readonly pids: boolean; readonly memory: boolean };
}

/** What holds even without isolation: nothing is inherited, and the terminal is left alone. */
const HELD_BY_THE_LAUNCHER = new Set([
  'terminal/type',
  'terminal/type-with-high-bit',
  'terminal/type-with-sign-bit',
  'terminal/type-on-dev-tty',
  'terminal/type-on-dev-tty-with-high-bit',
  'terminal/take-and-type',
  'descriptors/inherited',
  'descriptors/leading-out',
  'descriptors/working-directory',
  'environment/own',
  'environment/signals',
  'visible/session-key',
  'identity/filter',
  'identity/umask',
]);

/** What is about the host, to a command that has a kernel of its own. The rest is about its own kernel, which is its own to change. */
const HELD_BY_AN_OWN_KERNEL =
  /^(?:descriptors|environment|visible)\/|^procfs\/host-file|^network\/(?:connect-to-host|interfaces)$|^devices\/disks$|^exhaustion\/memory$/;

const HELD_BY_ANY_FILTER = new Set(['identity/filter', 'identity/take-over-init', 'visible/user-key']);
const REACHED_THROUGH_A_BRIDGE = new Set(['network/interfaces', 'network/raw-socket', 'network/raw-socket-6', 'network/configure']);

/** Whether a run with this setting promises that `each` holds. */
export function isPromised(each: ProofCase, setting: ProofSetting): boolean {
  const { id } = each;
  const group = id.slice(0, id.indexOf('/'));
  const { filter } = setting;
  if (filter === 'outside' && !HELD_BY_AN_OWN_KERNEL.test(id)) return false;
  if (!setting.isolates && group !== 'calls' && !HELD_BY_THE_LAUNCHER.has(id)) return false;
  if (filter === 'none' && (group === 'calls' || group === 'terminal' || HELD_BY_ANY_FILTER.has(id))) return false;
  if (filter !== 'whole' && each.filterOnly) return false;
  if (setting.network === 'host' && each.network) return false;
  if ((setting.network === 'bridge' || setting.tunnel) && REACHED_THROUGH_A_BRIDGE.has(id)) return false;
  if ((setting.devices || setting.tunnel) && id === 'devices/others') return false;
  if (setting.tunnel && id === 'devices/fuse') return false;
  if (setting.workingDirectory !== '/' && id === 'descriptors/working-directory') return false;
  if (id === 'exhaustion/processes') return setting.limits.pids;
  return id === 'exhaustion/memory' ? setting.limits.memory : true;
}

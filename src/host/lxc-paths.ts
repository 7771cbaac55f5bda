import type { FirmSpec } from '../spec/spec.ts';
import type { Facts } from './facts.ts';

/** The default bridges for a sandbox, in order of preference. Debian's lxc makes the second. */
export const defaultBridges: readonly [string, string] = ['br_vm', 'lxcbr0'];

/** The device for making tunnels. */
export const tunDevice = '/dev/net/tun';

/** A directory that exists while there is a bridge of that name (Documentation/ABI/testing/sysfs-class-net). */
export function bridgeDirectory(bridge: string): string {
  return `/sys/class/net/${bridge}/bridge`;
}

/** The bridge to connect to: the named one, or the first default one that the host has. */
export function chooseBridge({ bridge }: Pick<FirmSpec, 'bridge'>, { paths }: Pick<Facts, 'paths'>): string {
  return bridge ?? defaultBridges.find((name) => paths[bridgeDirectory(name)] !== undefined) ?? defaultBridges[0];
}

/** The host paths that `Facts.paths` must have for the network of an LXC sandbox. */
export function lxcPaths({ shareNetwork, bridge, tun }: FirmSpec): readonly string[] {
  return [...(shareNetwork ? (bridge === undefined ? defaultBridges : [bridge]).map(bridgeDirectory) : []), ...(tun ? [tunDevice] : [])];
}

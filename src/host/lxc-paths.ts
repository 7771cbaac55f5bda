import type { SandboxSpec } from '../spec/spec.ts';
import type { Facts } from './facts.ts';

/** Bridges that a sandbox is connected to unless one is named, in this order. Debian's lxc makes the second. */
export const defaultBridges: readonly [string, string] = ['br_vm', 'lxcbr0'];

/** The device a tunnel is made with. */
export const tunDevice = '/dev/net/tun';

/** A directory that is there while a bridge of that name is. (Documentation/ABI/testing/sysfs-class-net) */
export function bridgeDirectory(bridge: string): string {
  return `/sys/class/net/${bridge}/bridge`;
}

/** The bridge to connect to: the one that is named, or the first of the default ones that the host has. */
export function chooseBridge({ bridge }: Pick<SandboxSpec, 'bridge'>, { paths }: Pick<Facts, 'paths'>): string {
  return bridge ?? defaultBridges.find((name) => paths[bridgeDirectory(name)] !== undefined) ?? defaultBridges[0];
}

/** The paths of the host that `Facts.paths` must tell about before an LXC sandbox can have its network. */
export function lxcPaths({ shareNetwork, bridge, tun }: SandboxSpec): readonly string[] {
  return [...(shareNetwork ? (bridge === undefined ? defaultBridges : [bridge]).map(bridgeDirectory) : []), ...(tun ? [tunDevice] : [])];
}

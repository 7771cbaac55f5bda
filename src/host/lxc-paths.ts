import type { LxcSpec } from '../spec/spec.ts';

/** The device a tunnel is made with. */
export const tunDevice = '/dev/net/tun';

/** A directory that is there while a bridge of that name is. (Documentation/ABI/testing/sysfs-class-net) */
export function bridgeDirectory(bridge: string): string {
  return `/sys/class/net/${bridge}/bridge`;
}

/** The paths of the host that `HostFacts.paths` must tell about before an LXC sandbox can have its network. */
export function lxcPaths({ bridge, mapTun }: LxcSpec, shareNetwork: boolean): readonly string[] {
  return [...(shareNetwork ? [bridgeDirectory(bridge)] : []), ...(mapTun ? [tunDevice] : [])];
}

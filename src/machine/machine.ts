/** What a machine is made of. Plain data; `formatQemu` makes a command line of it. Paths are as QEMU sees them. */
export interface Machine {
  readonly acceleration: 'kvm' | 'tcg';
  readonly cpus: number;
  readonly memoryBytes: number;
  /** An uncompressed kernel that is booted by PVH, and the initramfs with isolate's init. */
  readonly kernel: string;
  readonly initramfs: string;
  /** The directory that the machine sees as its share, with its root and the sources of binds. */
  readonly share: string;
  /** A network card behind user-mode networking. */
  readonly network: boolean;
}

/** The tag under which the machine finds its share. */
export const shareTag = 'share';

/** The descriptors that the host's end of a machine gives to QEMU (machine/agent.h). */
export const [channelNumber, consoleNumber] = [3, 4];

/** The name of the port by which init finds the channel (guest/channel.c). */
export const portName = 'isolate';

/** The machine's side of user-mode networking (qemu(1), -netdev user). */
export const userNetwork = { address: '10.0.2.15', mask: '255.255.255.0', gateway: '10.0.2.2', nameServer: '10.0.2.3' } as const;

/** The hint for a build without the kernel of machines. */
export const kernelHint = 'in the checkout: scripts/build-kernel, and then scripts/install if isolate is installed';

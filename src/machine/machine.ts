import type { ImageFormat } from '../spec/spec.ts';

/** What a machine is made of. Plain data; `formatQemu` makes a command line of it. Paths are as QEMU sees them. */
export interface Machine {
  readonly acceleration: 'kvm' | 'tcg';
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly board: Board;
  /** An uncompressed kernel that is booted by PVH, and the initramfs with isolate's init. */
  readonly kernel: string;
  readonly initramfs: string;
  /** The directory that the machine sees as its share, with its root and the sources of binds. */
  readonly share: string;
  readonly disks: readonly MachineDisk[];
  readonly cards: readonly MachineCard[];
  /** Its kernel and its init say on the console what they do. */
  readonly talks: boolean;
}

/** `microvm` for isolate's own kernel, `q35` for one of a distribution, which knows no devices without a bus. */
export type Board = 'microvm' | 'q35';

/** A disk, whose file QEMU has at the descriptor `diskNumber` of its index. In the machine its serial number is the index. */
export interface MachineDisk {
  readonly format: ImageFormat;
  readonly readOnly: boolean;
}

/** A network card behind a user-mode network of its own. */
export interface MachineCard {
  readonly mac?: string;
  readonly network: UserNetwork;
}

/** Who is who in a network of one kind of IP. */
export interface Subnet {
  /** ADDRESS/PREFIX. */
  readonly subnet: string;
  /** The card's. */
  readonly address: string;
  readonly gateway: string;
  readonly nameServer: string;
}

/** A network that QEMU makes in user space (qemu(1), -netdev user): it forwards what the machine sends as a program of the host does. */
export interface UserNetwork extends Subnet {
  /** Absent: it has no IPv6. */
  readonly ipv6?: Subnet;
}

/** The tag under which the machine finds its share. */
export const shareTag = 'share';

/** The descriptors that the host's end of a machine gives to QEMU (machine/agent.h). */
export const [channelNumber, consoleNumber] = [3, 4];

/** Behind them the descriptors of disks. */
export function diskNumber(index: number): number {
  return consoleNumber + 1 + index;
}

/** The name of the port by which init finds the channel (guest/channel.c). */
export const portName = 'isolate';

/** The hint for a build without the kernel of machines. */
export const kernelHint = 'in the checkout: scripts/build-kernel, and then scripts/install if isolate is installed';

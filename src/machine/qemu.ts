import {
  type Board,
  channelNumber,
  consoleNumber,
  diskNumber,
  type Machine,
  type MachineCard,
  type MachineDisk,
  portName,
  shareTag,
} from './machine.ts';

/**
 * The words of QEMU's command line, argv[0] included. `{tsc}` is filled in by the host's end of the machine: a guest that is not told the
 * frequency of the processor's counter measures it, and hangs under load. (qemu(1); docs/system/i386/microvm.rst)
 */
export function formatQemu(program: string, machine: Machine): readonly string[] {
  const { share, disks, cards, board } = machine;
  const bus = board === 'q35' ? 'pci' : 'device';
  return [
    program,
    ...base(machine),
    '-chardev',
    `socket,id=console,fd=${consoleNumber}`,
    '-serial',
    'chardev:console',
    '-chardev',
    `socket,id=channel,fd=${channelNumber}`,
    '-device',
    `virtio-serial-${bus}`,
    '-device',
    `virtserialport,chardev=channel,name=${portName}`,
    // Owners and modes on the host are those in the machine; an inode has one number, whichever file system of the host it is on.
    '-fsdev',
    `local,id=share,path=${escape(share)},security_model=passthrough,multidevs=remap`,
    '-device',
    `virtio-9p-${bus},fsdev=share,mount_tag=${shareTag}`,
    ...disks.flatMap((disk, index) => formatDisk(disk, index, bus)),
    ...cards.flatMap((card, index) => formatCard(card, index, bus)),
  ];
}

/** QEMU opens no file of the host: what an image names as its backing file is looked for in QEMU's root directory. */
function formatDisk({ format, readOnly }: MachineDisk, index: number, bus: string): readonly string[] {
  const mode = readOnly ? ',read-only=on' : '';
  return [
    '-add-fd',
    `fd=${diskNumber(index)},set=${index}`,
    '-blockdev',
    `driver=file,node-name=file${index},filename=/dev/fdset/${index},discard=unmap${mode}`,
    '-blockdev',
    `driver=${format},node-name=disk${index},file=file${index},discard=unmap${mode}`,
    '-device',
    `virtio-blk-${bus},drive=disk${index},serial=${index}`,
  ];
}

function formatCard(
  { mac, network: { subnet, address, gateway, nameServer, ipv6 } }: MachineCard,
  index: number,
  bus: string,
): readonly string[] {
  return [
    '-netdev',
    `user,id=net${index},net=${subnet},host=${gateway},dns=${nameServer},dhcpstart=${address},${formatIPv6(ipv6)}`,
    '-device',
    `virtio-net-${bus},netdev=net${index}${bus === 'pci' ? ',romfile=' : ''}${mac === undefined ? '' : `,mac=${mac}`}`,
  ];
}

/** A machine that ends as soon as its init runs, because it has no channel; QEMU ends with 0 then. For finding out whether KVM works. */
export function formatProbe(program: string, { kernel, initramfs }: Pick<Machine, 'kernel' | 'initramfs'>): readonly string[] {
  return [program, ...base({ acceleration: 'kvm', cpus: 1, memoryBytes: 2 ** 27, kernel, initramfs, board: 'microvm', talks: false })];
}

function formatIPv6(network: MachineCard['network']['ipv6']): string {
  if (network === undefined) return 'ipv6=off';
  return `ipv6-net=${network.subnet},ipv6-host=${network.gateway},ipv6-dns=${network.nameServer}`;
}

function base({
  acceleration,
  cpus,
  memoryBytes,
  kernel,
  initramfs,
  board,
  talks,
}: Omit<Machine, 'share' | 'disks' | 'cards'>): readonly string[] {
  const isEmulated = acceleration === 'tcg';
  return [
    '-nodefaults',
    '-no-user-config',
    '-no-reboot',
    '-display',
    'none',
    '-sandbox',
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-machine',
    boards[board](isEmulated),
    '-accel',
    isEmulated ? 'tcg,thread=multi' : 'kvm',
    '-cpu',
    isEmulated ? 'max' : 'host',
    '-smp',
    String(cpus),
    '-m',
    `${Math.ceil(memoryBytes / 2 ** 20)}M`,
    '-global',
    'virtio-mmio.force-legacy=false',
    '-kernel',
    kernel,
    '-initrd',
    initramfs,
    '-append',
    kernelWords(isEmulated, talks).join(' '),
  ];
}

/** (docs/system/i386/microvm.rst) */
const boards: Readonly<Record<Board, (isEmulated: boolean) => string>> = {
  // Without a timer of the old kind there is none under emulation.
  microvm: (isEmulated) =>
    `microvm,${isEmulated ? 'pit=on,pic=on' : 'pit=off,pic=off'},rtc=on,isa-serial=on,auto-kernel-cmdline=on,acpi=off`,
  q35: () => 'q35,smm=off,vmport=off,hpet=off,i8042=off,sata=off,smbus=off,usb=off',
};

/** Documentation/admin-guide/kernel-parameters.txt; nothing secret, because every user of the machine can read it. */
function kernelWords(isEmulated: boolean, talks: boolean): readonly string[] {
  return [
    'console=ttyS0',
    // Init is given what the kernel does not know (guest/init.c).
    ...(talks ? ['loglevel=7', 'isolate_debug=1'] : ['quiet', 'loglevel=3']),
    'panic=-1',
    'reboot=t',
    'random.trust_cpu=on',
    'rcupdate.rcu_expedited=1',
    'cryptomgr.notests',
    ...(isEmulated ? ['tsc=reliable', 'tsc_early_khz={tsc}', 'no_timer_check'] : ['tsc=reliable', 'no_timer_check']),
  ];
}

/** A comma in a value is written twice. */
function escape(value: string): string {
  return value.replaceAll(',', ',,');
}

/** An attack of isolate-probe and the promise about it. */
export interface ProofCase {
  /** `group/name`, as isolate-probe prints it. */
  readonly id: string;
  /** What holds if the attack fails: one clause for users. */
  readonly claim: string;
  /** Prevented only by the full system-call filter, so not with --no-seccomp or LXC's smaller policy. */
  readonly filterOnly: boolean;
  /** Given away by --share-net. */
  readonly network: boolean;
}

/** Calls that the filter and LXC's smaller policy refuse. */
const REFUSED_EVERYWHERE = `
ioctl-tiocsti ioctl-tioclinux ioctl-tiocsetd ioctl-tioccons ioctl-tiocsti-high-bit ioctl-tioclinux-high-bit ioctl-tiocsetd-high-bit
ioctl-tioccons-high-bit add-key request-key keyctl init-module finit-module delete-module kexec-load kexec-file-load swapon swapoff syslog
acct quotactl quotactl-fd settimeofday clock-settime vhangup bpf perf-event-open userfaultfd io-uring-setup io-uring-enter io-uring-register
kcmp lookup-dcookie open-by-handle-at socket-alg socket-vsock socket-vsock-high-bit iopl ioperm uselib
i386-ioctl i386-keyctl i386-stime
`;

/** Calls that only the full filter refuses, because a container's init needs them. */
const REFUSED_BY_FILTER = `
unshare setns clone-newuser clone-newuser-high-bit clone-newns clone-newpid clone-newnet clone-newipc clone-newuts clone-newcgroup clone3
mount umount2 pivot-root open-tree open-tree-attr move-mount fsopen fsconfig fsmount fspick mount-setattr reboot
personality-read-implies-exec personality-high-bit socket-packet socket-inet-packet socket-bluetooth socket-key socket-tipc x32-ioctl
x32-number-of-ioctl x32-unshare i386-mount i386-unshare i386-socket-vsock i386-socketcall negative-number
`;

/** Calls that exist, and that the probe tries, only on x86 processors. */
const X86_CALLS = /^(?:iopl|ioperm|uselib|x32-.*|i386-.*)$/;

const CLAIMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  procfs: {
    'core-pattern': "the program that takes the host's core dumps cannot be changed",
    modprobe: "the program that loads the host's modules cannot be changed",
    hotplug: "the program that handles the host's hot-plug events cannot be changed",
    sysrq: 'the system request keys cannot be configured',
    'panic-on-oom': 'the host cannot be made to panic',
    overcommit: "the host's memory policy cannot be changed",
    'pid-max': "the host's number of processes cannot be changed",
    'file-max': "the host's number of files cannot be changed",
    'suid-dumpable': 'core dumps of set-uid programs cannot be switched on',
    'randomize-va-space': 'address space randomization cannot be switched off',
    'legacy-tiocsti': 'typing into terminals cannot be switched on',
    'binfmt-misc': 'no interpreter can be registered with the kernel',
    'sysrq-trigger': 'system requests cannot be triggered',
    kcore: "the kernel's memory cannot be read",
    kmsg: "the kernel's log cannot be read from /proc",
    slabinfo: "the kernel's slabs cannot be read",
    'timer-list': "the kernel's timers cannot be read",
    'irq-affinity': 'interrupts cannot be moved',
    'uevent-helper': 'the program that handles kernel events cannot be changed',
    'power-state': 'the host cannot be suspended',
    uevents: 'no device event can be made up',
    debugfs: "the kernel's debugging files cannot be read",
    tracefs: "the kernel's traces cannot be read",
    'security-fs': 'security modules cannot be configured',
    'efi-variables': 'firmware variables cannot be read',
    'release-agent': 'no program can be set to run when a cgroup empties',
    'cgroup-processes': 'the root of the cgroup tree cannot be joined',
    'cgroup-v1-processes': 'the roots of the cgroup v1 trees cannot be joined',
    'bus-pci': 'PCI devices cannot be configured',
    'root-links': "no process's root link leads to another root",
    'root-links-of-threads': "no thread's root link leads to another root",
    'host-file': 'a file of the host is not there',
    'host-file-by-root-links': 'a file of the host is not reached through root links',
    'host-file-by-cwd-links': 'a file of the host is not reached through working-directory links',
    'host-file-by-climbing-from-cwd': 'a file of the host is not reached by climbing from a working directory',
    'host-file-by-chroot': 'a file of the host is not reached by a second chroot and climbing',
  },
  namespaces: {
    'mount-tmpfs': 'no tmpfs file system can be mounted',
    'mount-proc': 'no proc file system can be mounted',
    'mount-sysfs': 'no sysfs file system can be mounted',
    'mount-cgroup': 'no cgroup file system can be mounted',
    'mount-cgroup2': 'no cgroup2 file system can be mounted',
    'mount-devpts': 'no devpts file system can be mounted',
    'remount-root': "the root's mount flags cannot be changed",
    'remount-proc': 'the flags of /proc cannot be changed',
    'uncover-proc-sys': 'what covers /proc/sys cannot be unmounted',
    'uncover-dev': 'what covers /dev cannot be unmounted',
    'unshare-user': 'no user namespace can be made',
    'unshare-mount': 'no mount namespace can be made',
    'unshare-net': 'no network namespace can be made',
    'unshare-user-and-mount': 'no user namespace with mounts of its own can be made',
    'unshare-time': 'no time namespace can be made',
    'join-mount-of-init': "the first process's mount namespace cannot be joined",
    'join-net-of-init': "the first process's network namespace cannot be joined",
    'parent-of-user': 'the user namespace above cannot be opened',
    'parent-of-pid': 'the process namespace above cannot be opened',
    'own-user-namespace': "the command is not in the host's user namespace",
  },
  terminal: {
    type: 'nothing can be typed into the terminal',
    'type-with-high-bit': 'nothing can be typed with a high bit set in the request',
    'type-with-sign-bit': 'nothing can be typed with the sign bit set in the request',
    'type-on-dev-tty': 'nothing can be typed through /dev/tty',
    'type-on-dev-tty-with-high-bit': 'nothing can be typed through /dev/tty with a high bit set',
    'type-on-console': 'nothing can be typed through /dev/console',
    'type-on-pts': 'nothing can be typed into any pseudo-terminal',
    'type-on-virtual-console': 'nothing can be typed into a virtual console',
    'type-on-others-streams': "nothing can be typed through other processes' standard streams",
    'take-and-type': 'the terminal cannot be taken over and typed into',
    'change-discipline': "a terminal's line discipline cannot be changed",
  },
  descriptors: {
    inherited: 'no descriptor above 2 is inherited',
    'leading-out': 'no descriptor leads to a file of the host',
    'directories-of-others': 'no process beside the command holds a directory of another root',
    'working-directory': 'the working directory is the root',
  },
  environment: {
    own: "the caller's environment is not passed on",
    'of-any-process': "no visible process has the caller's environment",
    'arguments-of-any-process': "no visible process has arguments of the host's",
    signals: 'no signal is blocked or ignored',
  },
  visible: {
    signal: 'a process of the host cannot be signalled',
    trace: 'a process of the host cannot be traced',
    pidfd: 'a process of the host cannot be opened',
    'sysv-shared-memory': "the host's SysV shared memory is out of reach",
    'posix-shared-memory': "the host's POSIX shared memory is out of reach",
    'message-queue': "the host's message queues are out of reach",
    'abstract-socket': "the host's abstract sockets are out of reach",
    'list-of-sockets': "the host's sockets are not listed",
    'session-key': "the caller's session keyring is out of reach",
    'user-key': "the caller's user keyring is out of reach",
    'list-of-keys': "the caller's keys are not listed",
  },
  network: {
    'connect-to-host': "a listener on the host's loopback interface is out of reach",
    interfaces: 'no interface but the loopback one is up',
    'raw-socket': "no raw socket reaches the host's network",
    'raw-socket-6': "no raw IPv6 socket reaches the host's network",
    configure: 'interfaces cannot be configured',
  },
  devices: {
    'make-memory-node': 'no usable memory device can be made in the root',
    'make-memory-node-in-tmp': 'no usable memory device can be made in /tmp',
    'make-memory-node-in-dev': 'no usable memory device can be made in /dev',
    'make-log-node': "no usable device of the kernel's log can be made",
    'make-disk-node': 'no usable disk device can be made',
    'make-loop-node': 'no usable loop device can be made',
    memory: 'memory devices cannot be opened',
    log: "the kernel's log cannot be read from /dev",
    disks: 'disks cannot be opened',
    kvm: 'virtual machines cannot be made',
    fuse: 'FUSE, loop and tunnel devices cannot be opened',
    input: 'input devices cannot be opened',
    others: 'only the usual devices are in /dev',
  },
  identity: {
    'effective-capabilities': 'no dangerous capability is effective',
    'permitted-capabilities': 'no dangerous capability is permitted',
    'ambient-capabilities': 'no dangerous capability is ambient',
    'inheritable-capabilities': 'no dangerous capability is inheritable',
    'raise-capabilities': 'CAP_SYS_ADMIN cannot be raised',
    'no-new-privileges': 'no_new_privs is set',
    filter: 'a system-call filter is in force',
    'take-over-init': 'taking over the first process of the sandbox gives nothing',
    'set-uid-file': 'a set-uid file in the root gives nothing',
    'set-uid-file-in-tmp': 'a set-uid file in /tmp gives nothing',
    groups: 'no group of the host that has no number inside is kept',
    umask: 'the umask is 022',
  },
  exhaustion: {
    processes: 'no more processes than --pids allows can be made',
    memory: 'no more memory than --memory allows can be used',
    'tmpfs-tmp': "/tmp cannot fill the host's memory",
    'tmpfs-dev': "/dev cannot fill the host's memory",
    'tmpfs-dev-shm': "/dev/shm cannot fill the host's memory",
    'tmpfs-home': "/home cannot fill the host's memory",
    'tmpfs-run': "/run cannot fill the host's memory",
  },
};

const ONLY_THE_FILTER_HOLDS = new Set(['namespaces/unshare-user', 'namespaces/unshare-user-and-mount', 'terminal/change-discipline']);
const GIVEN_AWAY_BY_SHARED_NETWORK = new Set([
  'visible/abstract-socket',
  'visible/list-of-sockets',
  'network/connect-to-host',
  'network/interfaces',
]);

/** Every case of isolate-probe on `architecture` (as in process.arch). */
export function proofCases(architecture: string): readonly ProofCase[] {
  const calls = [
    ...names(REFUSED_EVERYWHERE).map((name) => call(name, false)),
    ...names(REFUSED_BY_FILTER).map((name) => call(name, true)),
  ];
  const others = Object.entries(CLAIMS).flatMap(([group, claims]) =>
    Object.entries(claims).map(([name, claim]) => ({
      id: `${group}/${name}`,
      claim,
      filterOnly: ONLY_THE_FILTER_HOLDS.has(`${group}/${name}`),
      network: GIVEN_AWAY_BY_SHARED_NETWORK.has(`${group}/${name}`),
    })),
  );
  return [...calls, ...others].filter((each) => architecture === 'x64' || !X86_CALLS.test(each.id.slice('calls/'.length)));
}

function call(name: string, filterOnly: boolean): ProofCase {
  return { id: `calls/${name}`, claim: `the system call ${name} is refused`, filterOnly, network: false };
}

function names(words: string): readonly string[] {
  return words.trim().split(/\s+/);
}

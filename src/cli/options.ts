/** Words that may stand first on the command line; `run` may be left out. */
export const verbs = ['run', 'refresh', 'watch', 'list', 'status', 'ps', 'kill', 'serve', 'doctor', 'completion', 'help'] as const;
export type Verb = (typeof verbs)[number];

/** What the shell offers after an option that takes a value. */
export type ValueKind = 'directory' | 'file' | 'dataset' | 'engine' | 'none';

/** One option. Everything that knows options is made from these: splitting, parsing, help, man page, shell completion. */
export interface Option {
  readonly long: string;
  readonly short?: string;
  /** Name of the value in help; absent: the option takes none. */
  readonly value?: string;
  readonly completes?: ValueKind;
  /** May be given more than once. */
  readonly repeatable?: true;
  readonly verbs: readonly [Verb, ...Verb[]];
  readonly group: OptionGroup;
  readonly help: string;
  /** Variable of the caller's environment that says the same; the option beats it. */
  readonly variable?: string;
  /** Where the variable does not say quite the same: what it says. */
  readonly variableSays?: string;
}

export const optionGroups = [
  'Root',
  'Sandbox',
  'Passing through',
  'Limits',
  'Hooks and LXC',
  'Refresh',
  'Watching isolate at work',
  'Other',
  'Compatibility',
] as const;
export type OptionGroup = (typeof optionGroups)[number];

// doctor --prove tries out the very configuration that it is given.
const run = ['run', 'doctor'] as const;
const data = ['run', 'refresh', 'watch', 'doctor'] as const;
const views = ['list', 'status', 'ps'] as const;
/** Verbs that ask for what the daemon or the state directories tell. */
const asking = [...views, 'kill'] as const;

/** Every option there is, in the order help prints them. */
export const options: readonly Option[] = [
  {
    long: 'engine',
    short: 'e',
    value: 'NAME',
    completes: 'engine',
    verbs: run,
    group: 'Root',
    help: 'engine: bwrap (default), lxc or chroot',
  },
  {
    long: 'zfs',
    short: 'z',
    value: 'DATASET',
    completes: 'dataset',
    verbs: run,
    group: 'Root',
    help: 'run on a fresh clone of DATASET',
  },
  {
    long: 'template',
    short: 't',
    value: 'DIR',
    completes: 'directory',
    verbs: run,
    group: 'Root',
    help: 'run on DIR itself: changes stay',
  },
  { long: 'ephemeral', verbs: run, group: 'Root', help: 'with -t: run on a throw-away overlay of DIR instead' },
  { long: 'read-only', verbs: run, group: 'Root', help: 'make the root read-only' },
  {
    long: 'wait',
    value: 'SECONDS',
    completes: 'none',
    verbs: run,
    group: 'Root',
    help: 'how long to wait for a free clone (default 10; 0: fail at once)',
  },

  {
    long: 'bind',
    short: 'd',
    value: 'HOST[:GUEST][:ro]',
    completes: 'file',
    repeatable: true,
    verbs: run,
    group: 'Sandbox',
    help: 'show a file or directory of the host at GUEST (default: HOST); \\: is a literal colon',
  },
  {
    long: 'env',
    short: 'v',
    value: 'NAME:VALUE',
    completes: 'none',
    repeatable: true,
    verbs: run,
    group: 'Sandbox',
    help: "set a variable; also NAME=VALUE, and NAME alone for the caller's value",
  },
  {
    long: 'env-file',
    value: 'FILE',
    completes: 'file',
    repeatable: true,
    verbs: run,
    group: 'Sandbox',
    help: 'set variables from a file with one NAME=VALUE per line',
  },
  {
    long: 'chdir',
    short: 'p',
    value: 'DIR',
    completes: 'none',
    verbs: run,
    group: 'Sandbox',
    help: 'working directory inside (default /)',
  },
  { long: 'hostname', value: 'NAME', completes: 'none', verbs: run, group: 'Sandbox', help: 'host name inside' },
  {
    long: 'uid-base',
    short: 'u',
    value: 'N',
    completes: 'none',
    verbs: run,
    group: 'Sandbox',
    help: 'map user ids N, N+1, ... to 0, 1, ... in the sandbox',
  },
  {
    long: 'gid-base',
    short: 'g',
    value: 'N',
    completes: 'none',
    verbs: run,
    group: 'Sandbox',
    help: 'map group ids N, N+1, ... to 0, 1, ... in the sandbox',
  },
  {
    long: 'no-seccomp',
    verbs: run,
    group: 'Sandbox',
    help: 'run without the system-call filter',
    variable: 'DISABLE_SECCOMP_WRAPPER',
    variableSays: 'any value: --no-seccomp',
  },
  {
    long: 'socketcall',
    verbs: run,
    group: 'Sandbox',
    help: 'let i386 programs create sockets of any address family',
  },

  { long: 'share-net', short: 'n', verbs: run, group: 'Passing through', help: "the host's network; with lxc a veth on the bridge" },
  { long: 'x11', short: '1', verbs: run, group: 'Passing through', help: 'the X11 socket of $DISPLAY' },
  { long: 'pulse', short: '2', verbs: run, group: 'Passing through', help: 'the PulseAudio socket' },
  { long: 'wayland', short: '3', verbs: run, group: 'Passing through', help: 'the Wayland socket' },
  { long: 'gpu', short: '4', verbs: run, group: 'Passing through', help: 'the graphics devices in /dev/dri' },

  {
    long: 'cpu',
    value: 'PERCENT',
    completes: 'none',
    verbs: run,
    group: 'Limits',
    help: 'processor time, in percent of one processor',
    variable: 'LXC_CPU_QUOTA',
    variableSays: 'the percentage of --cpu, a whole number from 1 to 100; only with the lxc engine',
  },
  {
    long: 'memory',
    value: 'SIZE',
    completes: 'none',
    verbs: run,
    group: 'Limits',
    help: 'memory, in bytes or with K, M, G or T',
    variable: 'LXC_MEM_MB_QUOTA',
    variableSays: 'the size of --memory as a whole number of MiB; only with the lxc engine',
  },
  { long: 'pids', value: 'N', completes: 'none', verbs: run, group: 'Limits', help: 'number of processes and threads at a time' },
  { long: 'timeout', value: 'SECONDS', completes: 'none', verbs: run, group: 'Limits', help: 'end the run after this time, status 124' },
  { long: 'kill-after', value: 'SECONDS', completes: 'none', verbs: run, group: 'Limits', help: 'from SIGTERM to SIGKILL (default 10)' },

  {
    long: 'pre-hook',
    value: 'COMMAND',
    completes: 'none',
    verbs: run,
    group: 'Hooks and LXC',
    help: 'shell command on the host before the run, with ROOTFS set; nothing runs if it fails',
    variable: 'PRE_SPAWN_HOOK',
  },
  {
    long: 'post-hook',
    value: 'COMMAND',
    completes: 'none',
    verbs: run,
    group: 'Hooks and LXC',
    help: 'shell command on the host after the run, with ROOTFS set',
    variable: 'POST_SPAWN_HOOK',
  },
  {
    long: 'net-bridge',
    value: 'NAME',
    completes: 'none',
    verbs: run,
    group: 'Hooks and LXC',
    help: 'lxc: bridge that -n connects to (default br_vm, else lxcbr0)',
    variable: 'LXC_NET_BR',
    variableSays: 'the bridge of --net-bridge; only with the lxc engine',
  },
  {
    long: 'tun',
    verbs: run,
    group: 'Hooks and LXC',
    help: 'lxc: /dev/net/tun inside',
    variable: 'LXC_MAP_TUN',
    variableSays: 'any value: --tun; only with the lxc engine',
  },
  {
    long: 'lxc-log',
    value: 'FILE',
    completes: 'file',
    verbs: run,
    group: 'Hooks and LXC',
    help: "lxc: write LXC's own log to FILE",
    variable: 'DEBUG_LXC_SPAWN',
    variableSays: 'any value: --lxc-log /run/isolate/lxc.log; only with the lxc engine',
  },

  {
    long: 'refresh',
    short: 'r',
    value: 'TEMPLATE',
    completes: 'dataset',
    verbs: ['run'],
    group: 'Compatibility',
    help: 'the same as: isolate refresh TEMPLATE [COUNT]',
  },
  { long: 'force', short: 'f', verbs: ['run', 'refresh'], group: 'Refresh', help: 'replace all clones, including fresh ones' },
  { long: 'skip-create', short: 's', verbs: ['run', 'refresh'], group: 'Refresh', help: 'destroy used clones without making new ones' },

  {
    long: 'ignore-sigint',
    short: 'i',
    verbs: ['run'],
    group: 'Watching isolate at work',
    help: 'isolate itself ignores SIGINT; the command still receives it',
  },
  { long: 'dry-run', verbs: ['run'], group: 'Watching isolate at work', help: 'print what would be started, and start nothing' },
  { long: 'json', verbs: [...data, ...asking, 'serve'], group: 'Watching isolate at work', help: 'print data and errors as JSON' },
  {
    long: 'status-fd',
    value: 'N',
    completes: 'none',
    verbs: ['run'],
    group: 'Watching isolate at work',
    help: 'write events to descriptor N, one JSON object per line',
  },
  {
    long: 'trace',
    short: 'x',
    verbs: [...data, ...asking, 'serve'],
    group: 'Watching isolate at work',
    help: 'log every external command with its arguments',
  },
  { long: 'quiet', short: 'q', verbs: data, group: 'Watching isolate at work', help: 'only warnings and errors' },

  { long: 'watch', verbs: views, group: 'Watching isolate at work', help: 'keep showing changes until q or Ctrl-C' },

  { long: 'now', verbs: ['kill'], group: 'Other', help: 'send SIGKILL at once' },
  {
    long: 'front',
    value: 'PATH',
    completes: 'file',
    verbs: ['serve'],
    group: 'Other',
    help: 'wait for the front at the socket PATH instead of starting one',
  },
  { long: 'prove', verbs: ['doctor'], group: 'Other', help: 'start a sandbox with these options and attack it from inside' },
  {
    long: 'install-wrapper',
    short: 'w',
    value: 'TEMPLATE',
    completes: 'directory',
    verbs: ['run'],
    group: 'Compatibility',
    help: 'does nothing: nothing needs to be installed in a template',
  },
  { long: 'help', short: 'h', verbs, group: 'Other', help: 'print this help' },
  { long: 'version', verbs, group: 'Other', help: 'print the version' },
];

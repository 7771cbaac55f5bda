/**
 * Who may import whom below src/, as ARCHITECTURE.md says it. oxlint.config.ts makes a lint rule of it, and
 * test/unit/architecture.test.ts checks it once more by walking the imports.
 */
export interface Layer {
  /** Folders and top-level files (without .ts) whose code it may import, beside its own. */
  readonly code: readonly string[];
  /** Those it may import types from. */
  readonly types: readonly string[];
  /** No file system, no processes, no clock, no randomness: it decides from its arguments alone. */
  readonly pure: boolean;
}

const layer = (code: readonly string[], types: readonly string[] = [], pure = false): Layer => ({ code, types, pure });

/** Lowest first. */
export const layers: Readonly<Record<string, Layer>> = {
  error: layer([], [], true),
  json: layer([], [], true),
  log: layer(['error', 'json']),
  spec: layer(['error'], [], true),
  rootfs: layer([], [], true),
  prove: layer(['error'], [], true),
  changes: layer(['error', 'json'], [], true),
  wire: layer(['error'], [], true),
  launch: layer(['error', 'json'], ['rootfs'], true),
  machine: layer([], ['launch', 'spec'], true),
  process: layer(['error', 'log', 'launch'], ['spec']),
  host: layer(['error', 'log', 'process', 'spec', 'machine']),
  kernel: layer(['error', 'spec', 'process']),
  engine: layer(['error', 'json', 'spec', 'rootfs', 'launch', 'machine'], ['host'], true),
  config: layer(['error', 'spec', 'engine'], ['host']),
  storage: layer(['error', 'log', 'rootfs', 'process', 'host', 'spec'], ['engine', 'launch']),
  desktop: layer(['error', 'host']),
  pool: layer(['error', 'log', 'rootfs', 'process', 'host', 'spec', 'storage'], ['engine', 'launch']),
  session: layer(['error', 'rootfs', 'process', 'host', 'spec', 'storage', 'pool']),
  client: layer(['error', 'host', 'wire']),
  run: layer([
    'error',
    'log',
    'rootfs',
    'launch',
    'machine',
    'kernel',
    'wire',
    'process',
    'host',
    'spec',
    'storage',
    'engine',
    'desktop',
    'pool',
    'session',
    'config',
    'client',
  ]),
  upkeep: layer(['error', 'rootfs', 'process', 'host', 'spec', 'storage', 'pool', 'session', 'config', 'run']),
  template: layer([
    'error',
    'log',
    'json',
    'rootfs',
    'launch',
    'process',
    'host',
    'spec',
    'storage',
    'engine',
    'pool',
    'session',
    'config',
    'run',
    'upkeep',
  ]),
  diff: layer(['error', 'changes', 'rootfs', 'host', 'spec', 'storage', 'pool', 'session', 'run']),
  status: layer(['error', 'wire', 'process', 'host', 'spec', 'storage', 'pool', 'session', 'config', 'client', 'run']),
  copy: layer(['error', 'process', 'host', 'launch', 'engine', 'session', 'run', 'status']),
  daemon: layer([
    'error',
    'log',
    'rootfs',
    'launch',
    'wire',
    'process',
    'host',
    'spec',
    'storage',
    'engine',
    'pool',
    'session',
    'config',
    'run',
    'upkeep',
    'template',
    'status',
  ]),
  library: layer(['error', 'changes', 'host', 'spec', 'launch', 'session', 'run', 'diff', 'copy', 'template']),
  index: layer([
    'error',
    'changes',
    'launch',
    'process',
    'host',
    'spec',
    'storage',
    'engine',
    'pool',
    'session',
    'run',
    'upkeep',
    'template',
    'library',
  ]),
  cli: layer([
    'error',
    'json',
    'log',
    'launch',
    'process',
    'host',
    'spec',
    'storage',
    'engine',
    'pool',
    'config',
    'client',
    'run',
    'upkeep',
    'template',
    'status',
    'wire',
    'daemon',
    'prove',
    'changes',
    'session',
    'diff',
    'copy',
    'index',
  ]),
};

/** Which folders of a room the files of each of its folders may import, beside their own; '' are the files in none. */
export const floors: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  pool: { '': [], claims: [''], state: [''], lease: ['', 'claims', 'state'] },
};

/** Files of src/host that only parse texts they are given: pure, and open to the engines. */
export const hostParsers: readonly string[] = [
  'cgroup',
  'filesystem',
  'kernel-release',
  'lxc-paths',
  'mountinfo',
  'passwd',
  'privileges',
  'subid',
  'user-namespaces',
  'x11-display',
  'xauthority',
];

/** Within these folders neighbours don't know each other; only the registry knows all. */
export const strangers: Readonly<Record<string, readonly string[]>> = {
  engine: ['bwrap', 'lxc', 'chroot'],
  storage: ['zfs', 'overlay', 'btrfs', 'dir'],
  template: ['dataset', 'directory'],
};

/** No file below src is longer, and no function. */
export const mostLines = { file: 250, function: 80 } as const;

/** The one file that imports a package. What is not named here is imported nowhere below src/. */
export const packageHomes: Readonly<Record<string, string>> = {
  chokidar: 'src/upkeep/watch.ts',
  execa: 'src/process/command.ts',
  pino: 'src/log.ts',
  'proper-lockfile': 'src/pool/claims/lock.ts',
  'smol-toml': 'src/config/toml.ts',
  valibot: 'src/config/schema.ts',
  yargs: 'src/cli/parse-verb.ts',
};

/** Node's own modules that pure code may import. */
export const pureBuiltins: readonly string[] = ['node:path', 'node:path/posix', 'node:buffer', 'node:util'];

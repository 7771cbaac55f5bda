/**
 * The one schema of the daemon's protocol (gate/PROTOCOL.md). `scripts/build-schema.ts` writes gate/schema.h from it, so both
 * sides check every message against the same table.
 */

/** How the value of an item is checked: `u32` has 4 bytes, `string` no NUL, `bytes` anything. */
export type ItemType = 'u32' | 'string' | 'bytes';

export interface ItemRule {
  readonly tag: number;
  readonly type: ItemType;
  /** Most bytes of the value; a `u32` always has 4. */
  readonly size: number;
}

export interface ItemUse {
  readonly least: number;
  readonly most: number;
}

export interface MessageRule {
  readonly kind: number;
  readonly from: 'client' | 'daemon';
  readonly items: Readonly<Partial<Record<ItemName, ItemUse>>>;
}

export const protocolVersion = 1;
/** Most bytes of the items of one message, by its sender. */
export const clientBodyBytes = 1024 * 1024;
export const daemonBodyBytes = 17 * 1024 * 1024;

const pathBytes = 4096;

export const items = {
  argument: { tag: 1, type: 'string', size: 131_072 },
  directory: { tag: 2, type: 'string', size: pathBytes },
  variable: { tag: 3, type: 'string', size: 131_072 },
  terminal: { tag: 4, type: 'u32', size: 4 },
  template: { tag: 5, type: 'string', size: 255 },
  'wait-ms': { tag: 6, type: 'u32', size: 4 },
  engine: { tag: 7, type: 'string', size: 32 },
  target: { tag: 8, type: 'string', size: pathBytes },
  'path-facts': { tag: 9, type: 'bytes', size: 28 },
  'file-content': { tag: 10, type: 'bytes', size: 262_144 },
  missing: { tag: 11, type: 'u32', size: 4 },
  outcome: { tag: 12, type: 'u32', size: 4 },
  number: { tag: 13, type: 'u32', size: 4 },
  query: { tag: 14, type: 'string', size: 32 },
  limit: { tag: 15, type: 'string', size: 64 },
  run: { tag: 16, type: 'string', size: 16 },
  entries: { tag: 17, type: 'bytes', size: 65_536 },
  columns: { tag: 18, type: 'u32', size: 4 },
  record: { tag: 20, type: 'bytes', size: 16 * 1024 * 1024 + 12 },
  status: { tag: 21, type: 'u32', size: 4 },
  text: { tag: 22, type: 'string', size: 16 * 1024 * 1024 },
  json: { tag: 23, type: 'string', size: 16 * 1024 * 1024 },
  'stat-path': { tag: 24, type: 'string', size: pathBytes },
  'read-path': { tag: 25, type: 'string', size: pathBytes },
  'variable-name': { tag: 26, type: 'string', size: 4096 },
  'uid-map': { tag: 27, type: 'bytes', size: 12 },
  'gid-map': { tag: 28, type: 'bytes', size: 12 },
  'list-path': { tag: 29, type: 'string', size: pathBytes },
  'real-path': { tag: 40, type: 'string', size: pathBytes },
  real: { tag: 41, type: 'string', size: pathBytes },
  'tree-path': { tag: 42, type: 'string', size: pathBytes },
  'look-path': { tag: 43, type: 'string', size: pathBytes },
  found: { tag: 44, type: 'bytes', size: 4 + pathBytes },
  'read-in-tree': { tag: 45, type: 'string', size: pathBytes },
  session: { tag: 46, type: 'string', size: 64 },
  keep: { tag: 47, type: 'u32', size: 4 },
  base: { tag: 48, type: 'u32', size: 4 },
  line: { tag: 30, type: 'bytes', size: 65_536 },
  descriptor: { tag: 31, type: 'u32', size: 4 },
  'ignored-signal': { tag: 32, type: 'u32', size: 4 },
} as const satisfies Readonly<Record<string, ItemRule>>;

export type ItemName = keyof typeof items;

const once: ItemUse = { least: 1, most: 1 };
const upTo = (most: number, least = 0): ItemUse => ({ least, most });

export const messages = {
  run: {
    kind: 1,
    from: 'client',
    items: { argument: upTo(32_768), directory: once, variable: upTo(64), terminal: once, columns: upTo(1) },
  },
  lease: {
    kind: 2,
    from: 'client',
    items: {
      template: once,
      'wait-ms': once,
      engine: once,
      target: upTo(1024),
      argument: upTo(256),
      limit: upTo(3),
      session: upTo(1),
      keep: upTo(1),
      base: upTo(1),
    },
  },
  answer: {
    kind: 3,
    from: 'client',
    items: {
      descriptor: upTo(1),
      'path-facts': upTo(1024),
      'file-content': upTo(65),
      entries: upTo(1024),
      variable: upTo(1024),
      real: upTo(1),
      found: upTo(1088),
      missing: upTo(4226),
    },
  },
  mount: { kind: 4, from: 'client', items: { number: upTo(1) } },
  ended: { kind: 5, from: 'client', items: { outcome: once, number: once } },
  query: { kind: 6, from: 'client', items: { query: once } },
  join: { kind: 7, from: 'client', items: { run: once } },
  session: { kind: 8, from: 'client', items: { query: once, session: upTo(2, 1) } },
  launch: { kind: 33, from: 'daemon', items: { record: once } },
  refuse: { kind: 34, from: 'daemon', items: { status: once, text: once, json: once } },
  fallback: { kind: 35, from: 'daemon', items: {} },
  ask: {
    kind: 36,
    from: 'daemon',
    items: {
      descriptor: upTo(1),
      'stat-path': upTo(1024),
      'read-path': upTo(64),
      'list-path': upTo(1024),
      'variable-name': upTo(1024),
      'real-path': upTo(1),
      'tree-path': upTo(1),
      'look-path': upTo(1088),
      'read-in-tree': upTo(1),
    },
  },
  message: { kind: 37, from: 'daemon', items: { text: once, descriptor: upTo(1) } },
  leased: { kind: 38, from: 'daemon', items: { json: once } },
  tree: { kind: 39, from: 'daemon', items: { 'uid-map': upTo(340), 'gid-map': upTo(340) } },
  text: { kind: 40, from: 'daemon', items: { json: once } },
  joined: { kind: 41, from: 'daemon', items: {} },
  print: { kind: 42, from: 'daemon', items: { text: once } },
  report: { kind: 43, from: 'daemon', items: { line: upTo(64), 'ignored-signal': upTo(8), descriptor: upTo(1) } },
} as const satisfies Readonly<Record<string, MessageRule>>;

export type MessageName = keyof typeof messages;

/** Variables of the caller that `run` always brings along where they are set: what a run may heed without naming them. */
export const callerVariables = [
  'TERM',
  'PRE_SPAWN_HOOK',
  'POST_SPAWN_HOOK',
  'DISABLE_SECCOMP_WRAPPER',
  'LXC_NET_BR',
  'LXC_MAP_TUN',
  'LXC_CPU_QUOTA',
  'LXC_MEM_MB_QUOTA',
  'DEBUG_LXC_SPAWN',
] as const;

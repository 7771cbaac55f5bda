import { bits, choice, type Fields, type Names, type NamesOf, number, optionalPath, path, text, type ValuesOf } from './fields.ts';

/** One kind of an operation: its number comes first, then its fields. */
export interface KindRule {
  readonly kind: number;
  readonly fields: Fields;
}

/** The numbers of names in choices and bits. */
export const names = {
  map: { direct: 1, newidmap: 2, single: 3, given: 4 },
  namespace: { mount: 1, pid: 2, network: 4, 'user-maps-only': 8 },
  flag: { recursive: 1, ro: 2, nosuid: 4, nodev: 8, noexec: 16, real: 32 },
  create: { none: 0, directory: 1, file: 2 },
  idmap: { none: 0, sandbox: 1, owner: 2 },
  existing: { fine: 0, refused: 1 },
  access: { 'read-only': 0, 'read-write': 1 },
  end: { stays: 0, removed: 1 },
  identity: { caller: 0, sandbox: 1 },
  held: { callers: 0, ambient: 1, bounding: 2 },
  rule: { 'no-new-privileges': 1, 'no-groups': 2 },
  join: { sandbox: 1, files: 2 },
} as const satisfies Readonly<Record<string, Names>>;

const { recursive: _, real: _real, ...fileSystemFlags } = names.flag;
const { none: __, ...made } = names.create;

export const mountOperations = {
  bind: {
    kind: 1,
    fields: {
      flags: bits(names.flag),
      create: choice(names.create),
      idmap: choice(names.idmap),
      uid: number(),
      gid: number(),
      source: path,
      root: optionalPath,
      target: path,
    },
  },
  mount: { kind: 2, fields: { flags: bits(fileSystemFlags), type: text, source: text, root: optionalPath, target: path, options: text } },
  mkdir: { kind: 3, fields: { mode: number(0, 0o7777), path } },
  attach: { kind: 4, fields: { flags: bits(fileSystemFlags), idmap: choice({ none: 0, sandbox: 1 }), source: text, target: path } },
  make: { kind: 5, fields: { create: choice(made), root: path, layer: optionalPath, target: path } },
  copy: { kind: 6, fields: { root: path, source: path, target: path, otherwise: text, line: text } },
} as const satisfies Readonly<Record<string, KindRule>>;

const place = { mode: number(0, 0o7777), existing: choice(names.existing), end: choice(names.end), path };

export const fileOperations = {
  directory: { kind: 1, fields: place },
  file: { kind: 2, fields: { ...place, content: text, numbersOf: optionalPath } },
  unlink: { kind: 3, fields: { path } },
  move: { kind: 4, fields: { path, to: path } },
  note: { kind: 5, fields: { path, content: text } },
  start: { kind: 6, fields: { path, words: { type: 'bytes' }, claim: path, boot: text } },
  take: { kind: 7, fields: { path, to: path } },
  replace: { kind: 8, fields: { path, to: path, content: text } },
} as const satisfies Readonly<Record<string, KindRule>>;

/** What there are operations for, by the C type of one. */
export const operations = { mount_operation: mountOperations, file_operation: fileOperations } as const;

/** What one of these operations is written from. */
export type OperationOf<Kinds extends Readonly<Record<string, KindRule>>> = {
  [Kind in keyof Kinds]: { readonly kind: Kind } & ValuesOf<Kinds[Kind]['fields']>;
}[keyof Kinds];

/** As in mount(8). */
export type FileSystemFlag = NamesOf<typeof fileSystemFlags>;

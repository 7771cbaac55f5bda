import { bits, choice, type Fields, flag, number, optionalPath, path, text, type ValuesOf } from './fields.ts';
import { fileOperations, type KindRule, mountOperations, names, type OperationOf } from './operations.ts';

/**
 * The one description of the launch record and of the events that come back. `scripts/build-schema.ts` writes
 * launcher/schema.h and the tables of launcher/RECORD.md from it, and `encodeItems` walks it.
 */

export interface ItemRule {
  readonly tag: number;
  readonly count: '1' | '1..' | '0..1' | '0..';
  readonly fields?: Fields;
  readonly kinds?: Readonly<Record<string, KindRule>>;
  /** The list of the record that it goes into, in order; absent: its fields are the record's own. */
  readonly list?: keyof typeof lists;
  /** What RECORD.md says of it. */
  readonly meaning: string;
}

/** The numbers a planned descriptor may have. */
const planned = number(3, 99);

/** The lists of the record, by the C type of what they hold. */
export const lists = {
  arguments: 'text',
  environment: 'text',
  descriptors: 'descriptor',
  uidMaps: 'id_map',
  gidMaps: 'id_map',
  hostMounts: 'mount_operation',
  sandboxMounts: 'mount_operation',
  cgroups: 'cgroup',
  files: 'file_operation',
  groups: 'id',
  companions: 'companion',
} as const;

const idMap = { inside: number(), outside: number(), count: number(1) };

export const items = {
  'file-path': { tag: 1, count: '0..1', fields: { file: path }, meaning: 'the program to execute; either this or 2' },
  'file-descriptor': {
    tag: 2,
    count: '0..1',
    fields: { fileDescriptor: planned },
    meaning: 'an inherited descriptor to execute with execveat(2)',
  },
  argument: { tag: 3, count: '1..', fields: { text }, list: 'arguments', meaning: 'in order, argv[0] first' },
  environment: { tag: 4, count: '0..', fields: { variable: { type: 'variable' } }, list: 'environment', meaning: 'NAME=VALUE' },
  'descriptor-data': {
    tag: 5,
    count: '0..',
    fields: { number: planned, content: { type: 'bytes' } },
    list: 'descriptors',
    meaning: 'a sealed memory file with this content, offset 0, read only',
  },
  'descriptor-file': {
    tag: 6,
    count: '0..',
    fields: { number: planned, access: choice(names.access), path },
    list: 'descriptors',
    meaning: 'a file, opened with the caller’s rights',
  },
  'descriptor-stage': {
    tag: 7,
    count: '0..1',
    fields: { number: planned },
    list: 'descriptors',
    meaning: "the launcher's own program file",
  },
  'descriptor-stage-status': {
    tag: 8,
    count: '0..1',
    fields: { number: planned, user: text },
    list: 'descriptors',
    meaning: "the stage's end of a socket to the launcher; whom the stage becomes, for messages, or empty",
  },
  'user-namespace': {
    tag: 9,
    count: '0..1',
    fields: { mapWriter: choice(names.map) },
    meaning: 'what writes its maps: the launcher, newuidmap and newgidmap, the launcher with one id and setgroups denied, or the daemon',
  },
  'uid-map': { tag: 10, count: '0..', fields: idMap, list: 'uidMaps', meaning: 'with 9' },
  'gid-map': { tag: 11, count: '0..', fields: idMap, list: 'gidMaps', meaning: 'with 9' },
  newuidmap: { tag: 12, count: '0..1', fields: { newuidmap: path }, meaning: 'the program, with 9 = newidmap' },
  newgidmap: { tag: 13, count: '0..1', fields: { newgidmap: path }, meaning: 'the program, with 9 = newidmap' },
  namespaces: {
    tag: 14,
    count: '0..1',
    fields: { namespaces: bits(names.namespace) },
    meaning:
      'to make; with pid, in a user namespace, also ipc, uts and cgroup; user-maps-only: the user namespace only gives its maps to mounts and is not entered',
  },
  'host-mount': { tag: 15, count: '0..', kinds: mountOperations, list: 'hostMounts', meaning: 'made before the user namespace is entered' },
  'sandbox-mount': { tag: 16, count: '0..', kinds: mountOperations, list: 'sandboxMounts', meaning: 'made after it is entered' },
  cgroup: { tag: 17, count: '0..', fields: { path }, list: 'cgroups', meaning: 'a directory to make, join and remove' },
  'cgroup-setting': {
    tag: 18,
    count: '0..',
    fields: { path, file: { type: 'name' }, value: text },
    list: 'cgroups',
    meaning: 'written to a file of the cgroup `path`, whose item precedes it',
  },
  root: { tag: 19, count: '0..1', fields: { root: path }, meaning: 'for chroot(2), after the mounts' },
  'working-directory': { tag: 20, count: '1', fields: { workingDirectory: path }, meaning: 'of the program, after the root' },
  'no-new-privileges': { tag: 21, count: '0..1', fields: { noNewPrivileges: flag }, meaning: 'PR_SET_NO_NEW_PRIVS' },
  'seccomp-filter': { tag: 22, count: '0..1', fields: { seccompFilter: path }, meaning: 'a file of struct sock_filter' },
  supervised: {
    tag: 23,
    count: '0..1',
    fields: { supervised: flag },
    meaning: "the parent passes on signals over the record's descriptor (see Signals); the run ends with the parent",
  },
  grace: {
    tag: 24,
    count: '1',
    fields: { graceMs: number(0, 0x7fff_ffff) },
    meaning: 'milliseconds from the first SIGTERM passed on to SIGKILL',
  },
  'stage-takes-terminal': {
    tag: 25,
    count: '0..1',
    fields: { stageTakesTerminal: flag },
    meaning: "the stage's session takes the terminal as its controlling terminal, not the child's",
  },
  engine: { tag: 26, count: '0..1', fields: { engine: text }, meaning: 'the name of what is executed, for messages' },
  'contained-streams': {
    tag: 27,
    count: '0..1',
    fields: { containedStreams: flag },
    meaning: 'descriptors 0 to 2 that give access to more than themselves are refused (step `stream`)',
  },
  'groups-of-run': {
    tag: 28,
    count: '0..1',
    fields: { groupsOfRun: text },
    meaning: 'id of a run: the daemon makes, sets and removes the cgroups of 17 and 18',
  },
  deadline: {
    tag: 29,
    count: '0..1',
    fields: { deadlineMs: number(1, 0x7fff_ffff) },
    meaning: 'milliseconds from the start of the launch to SIGTERM, which a stopped run gets only after it is continued',
  },
  'made-file': {
    tag: 30,
    count: '0..',
    kinds: fileOperations,
    list: 'files',
    meaning:
      'made first of all, with the caller’s rights; at the end, in reverse order, those with `removed` are removed and the others are done',
  },
  group: {
    tag: 31,
    count: '0..',
    fields: { gid: number() },
    list: 'groups',
    meaning: 'a supplementary group in the user namespace, which otherwise has only 0',
  },
  'descriptor-channel': {
    tag: 32,
    count: '0..',
    fields: { number: planned, channel: number(0, 15), end: number(0, 1) },
    list: 'descriptors',
    meaning: 'one end of a stream socket pair; another program of the launch has the other end',
  },
  'descriptor-ready': {
    tag: 33,
    count: '0..1',
    fields: { number: planned },
    list: 'descriptors',
    meaning: 'for a companion only: it writes to this descriptor when it is ready',
  },
  companion: {
    tag: 34,
    count: '0..',
    fields: { name: text, identity: choice(names.identity), readySocket: optionalPath, program: { type: 'bytes' } },
    list: 'companions',
    meaning: 'started before the engine and ended after it; `program` is a record, see Companions',
  },
  'shelf-tree': {
    tag: 35,
    count: '0..1',
    fields: { shelf: path, shelfPath: path, shelfDevice: number() },
    meaning:
      'root’s tree to attach is a copy of what the shelf in the directory `shelf` has mounted at `shelfPath`, if that is on this device; without this item the daemon hands the tree over',
  },
  inside: {
    tag: 36,
    count: '0..1',
    fields: {
      insideRun: text,
      insideHeld: choice(names.held),
      insideCapabilities: number(),
      insideRules: bits(names.rule),
      insideVariable: text,
      insideFilter: optionalPath,
      insideDirectory: path,
      insideCommand: planned,
    },
    meaning:
      'what a program that joins the run gets besides the namespaces, cgroups and ids: the id of the run, how it holds which capabilities (bit N: number N), NAME=VALUE that the engine sets or nothing, its filter, its directory, and the descriptor with its variables',
  },
  join: {
    tag: 37,
    count: '0..1',
    fields: { joinKind: choice(names.join), joinHolder: number(1), joinStart: text, joinRun: text },
    meaning: 'what the program joins: a run, and the process that holds it with its start time; see Joining a run',
  },
  'dies-with-parent': {
    tag: 38,
    count: '0..1',
    fields: { diesWithParent: flag },
    meaning: 'the program sees to it itself that it ends with the launcher; until then nothing kills it for that',
  },
} as const satisfies Readonly<Record<string, ItemRule>>;

/** Four numbers each: the kind, and what these numbers mean. */
export const events = {
  started: { kind: 1, numbers: ["pid of the command in the launcher's pid namespace"] },
  exited: { kind: 2, numbers: ['exit code', 'processes that the kernel killed for the memory limit'] },
  killed: { kind: 3, numbers: ['signal number', 'processes that the kernel killed for the memory limit'] },
  failed: { kind: 4, numbers: ['step', 'errno', "index of the record's item from 1, or 0; in the step `stream` the descriptor"] },
  'not-executed': { kind: 5, numbers: ['errno of execve(2) of the command inside'] },
  'timed-out': { kind: 6, numbers: [] },
  unremoved: { kind: 7, numbers: ['errno', "index of the record's item from 1"] },
} as const satisfies Readonly<Record<string, { readonly kind: number; readonly numbers: readonly string[] }>>;

export type ItemName = keyof typeof items;
export type ItemValues<Name extends ItemName> = (typeof items)[Name] extends {
  readonly kinds: infer Kinds extends Readonly<Record<string, KindRule>>;
}
  ? OperationOf<Kinds>
  : (typeof items)[Name] extends { readonly fields: infer Of extends Fields }
    ? ValuesOf<Of>
    : never;

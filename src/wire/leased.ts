import { IsolateError } from '../error.ts';

/** `count` ids from `inside` are `outside` and the following (user_namespaces(7)). */
export interface LeasedIds {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Where a path leads in the clone: absolute, without symbolic links. */
export interface LeasedPlace {
  readonly path: string;
  readonly kind: (typeof placeKinds)[number];
}

const placeKinds = ['directory', 'other', 'missing', 'hidden'] as const;

/** What was found in the clone. */
export interface LeasedView {
  readonly mountpoints: { readonly tmp: string; readonly missing: readonly string[]; readonly hasPrograms: boolean };
  /** For each target that was asked for, in order; an error for what isolate itself looked for and cannot use. */
  readonly targets: readonly (LeasedPlace | IsolateError)[];
}

/** What a user other than root is told of a clone. Its tree comes as a mount, in answer to `mount`. */
export interface Leased {
  /** Of the clone: decimal digits. */
  readonly id: string;
  /** Where the daemon has it mounted, for messages: the client itself cannot get there. */
  readonly path: string;
  readonly view: LeasedView;
  /** Of the user namespace that comes with the tree. */
  readonly uidMap: readonly LeasedIds[];
  readonly gidMap: readonly LeasedIds[];
  /** Present where limits were asked for. */
  readonly groups?: LeasedGroups;
}

/** The cgroups that the daemon makes for a run, and moves it into when it asks to join. */
export interface LeasedGroups {
  /** What `join` names: 16 hex digits. */
  readonly run: string;
  /** One in each hierarchy that a limit needs; they come to be with `join`. */
  readonly directories: readonly LeasedGroup[];
}

/** A cgroup by its absolute path, and what is written to its files. */
export interface LeasedGroup {
  readonly path: string;
  readonly settings: readonly { readonly file: string; readonly value: string }[];
}

/** The JSON of a message `leased`. */
export function formatLeased({ id, path, view, uidMap, gidMap, groups }: Leased): string {
  const targets = view.targets.map((found) => (found instanceof IsolateError ? { refused: found.message } : found));
  return JSON.stringify({ id, path, ...view, targets, uidMap: uidMap.map(toNumbers), gidMap: gidMap.map(toNumbers), groups });
}

/** The inverse of `formatLeased`, for `count` targets. Throws `daemon-failed` for anything else. */
export function parseLeased(text: string, count: number): Leased {
  const data = parse(text);
  if (!isRecord(data)) throw malformed();
  const { id, path, targets, mountpoints } = data;
  if (typeof id !== 'string' || !/^[0-9]{1,20}$/.test(id) || !isPath(path)) throw malformed();
  if (!Array.isArray(targets) || targets.length !== count) throw malformed();
  const view = { mountpoints: parseMountpoints(mountpoints), targets: targets.map(parsePlace) };
  const groups = data['groups'] === undefined ? {} : { groups: parseGroups(data['groups']) };
  return { id, path, view, uidMap: parseMap(data['uidMap']), gidMap: parseMap(data['gidMap']), ...groups };
}

/** As many entries as the kernel takes. */
const mostEntries = 340;

function parseMountpoints(data: unknown): LeasedView['mountpoints'] {
  if (!isRecord(data)) throw malformed();
  const { tmp, missing, hasPrograms } = data;
  if (!isSettled(tmp) || !Array.isArray(missing) || !missing.every(isSettled) || typeof hasPrograms !== 'boolean') throw malformed();
  return { tmp, missing, hasPrograms };
}

function parsePlace(data: unknown): LeasedPlace | IsolateError {
  if (!isRecord(data)) throw malformed();
  const { path, refused } = data;
  if (typeof refused === 'string') return new IsolateError('bad-bind', refused);
  const kind = placeKinds.find((name) => name === data['kind']);
  if (!isSettled(path) || kind === undefined) throw malformed();
  return { path, kind };
}

function toNumbers({ inside, outside, count }: LeasedIds): readonly number[] {
  return [inside, outside, count];
}

function parseMap(data: unknown): readonly LeasedIds[] {
  if (!Array.isArray(data) || data.length === 0 || data.length > mostEntries) throw malformed();
  return data.map((entry: unknown) => {
    if (!Array.isArray(entry) || entry.length !== 3 || !entry.every(isId)) throw malformed();
    const [inside, outside, count] = entry as unknown as readonly [number, number, number];
    return { inside, outside, count };
  });
}

function parseGroups(data: unknown): LeasedGroups {
  if (!isRecord(data)) throw malformed();
  const { run, directories } = data;
  if (typeof run !== 'string' || !/^[0-9a-f]{16}$/.test(run)) throw malformed();
  if (!Array.isArray(directories) || directories.length === 0 || !directories.every(isGroup)) throw malformed();
  return { run, directories };
}

function isGroup(data: unknown): data is LeasedGroup {
  return isRecord(data) && isSettled(data['path']) && Array.isArray(data['settings']) && data['settings'].every(isSetting);
}

function isSetting(data: unknown): boolean {
  return isRecord(data) && [data['file'], data['value']].every((text) => typeof text === 'string' && /^[a-z0-9_. ]+$/.test(text));
}

function isId(data: unknown): data is number {
  return Number.isInteger(data) && Number(data) >= 0 && Number(data) <= 0xffff_ffff;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

function isPath(data: unknown): data is string {
  return typeof data === 'string' && data.startsWith('/') && !data.includes('\0');
}

function isSettled(data: unknown): data is string {
  return isPath(data) && !data.split('/').some((component) => component === '.' || component === '..');
}

function malformed(): IsolateError {
  return new IsolateError('daemon-failed', 'The daemon described the clone in a malformed message.');
}

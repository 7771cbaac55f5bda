import type * as valibot from 'valibot';
import { engines } from '../engine/registry.ts';
import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { idsPerSandbox, maximumCount, parseSize } from '../spec/parse-number.ts';
import type { UserLimits } from './config.ts';
import type { SettingFault, Settings } from './settings.ts';
import { isTable, showValue } from './show-value.ts';

export type SettingsResult = { readonly settings: Settings } | { readonly fault: SettingFault };

/** Checks the contents of one file and returns its first mistake, known keys before unknown ones. */
export async function readSettings(table: Readonly<Record<string, unknown>>): Promise<SettingsResult> {
  // Loaded only where there is a file.
  const v = await import('valibot');
  const result = v.safeParse(fileSchema(v), table);
  if (!result.success) {
    const [issue] = result.issues;
    const key = findKey(issue.path ?? []);
    return { fault: { ...key, reason: issue.type === 'strict_object' ? describeUnknown(key.path) : issue.message } };
  }
  const { templates, limits, ids, ...single } = result.output;
  const settings = {
    ...single,
    templates: templates ?? new Map(),
    limits: nameLimits(limits ?? {}),
    userLimits: new Map([...(limits?.users ?? [])].map(([user, own]) => [user, nameLimits(own)])),
    ids: ids ?? {},
  };
  return { settings };
}

/** The last key of the path to a value, and the index of the value if it is in a list. */
function findKey(items: readonly { readonly type: string; readonly key: unknown }[]): Pick<SettingFault, 'path' | 'index'> {
  const list = items.findIndex(({ type }) => type === 'array');
  if (list < 0) return { path: items.map(({ key }) => String(key)) };
  return { path: items.slice(0, list).map(({ key }) => String(key)), index: Number(items[list]?.key) };
}

function describeUnknown(path: readonly string[]): string {
  const near = nearest(path.at(-1) ?? '', keysBeside(path));
  return near === null ? 'there is no such key' : `there is no such key, did you mean ${near}?`;
}

function keysBeside([table, , key]: readonly string[]): readonly string[] {
  const limits = ['leases', 'leases_per_minute', 'waiting', 'sessions', 'cpu', 'memory', 'pids'];
  if (table === 'templates') return ['count', 'users', 'groups', 'engines'];
  if (table === 'limits') return key === undefined ? [...limits, 'users'] : limits;
  return table === 'ids' ? ['uid_start', 'gid_start', 'count'] : ['count', 'template', 'engine', 'store', 'templates', 'limits', 'ids'];
}

/** Far more than a host can serve; sums of quotas stay exact. */
const mostLeases = 100_000;
/** As --cpu and --pids. */
const mostPercent = 100_000;
const mostProcesses = 4_194_304;
/** -1 is not an id (chown(2)). */
const noId = 0xffff_ffff;

/** What has no other meaning on the command line; whether there is such a template, a run finds out. */
const storePattern = /^(?:\/[^\p{Cc}]+|[A-Za-z][A-Za-z0-9_.:-]*(?:\/[A-Za-z0-9_.:][A-Za-z0-9_.:-]*)*)$/u;
const templatePattern = /^(?:\/[^\p{Cc}]+|[A-Za-z0-9][A-Za-z0-9_.:-]*(?:\/[A-Za-z0-9_.:][A-Za-z0-9_.:-]*)*)$/u;

function fileSchema(v: typeof valibot) {
  const { whole, size, table, named, list, account } = makeParts(v);
  const count = v.exactOptional(whole(1, maximumCount));
  const names = engines.map((engine) => engine.name);
  const engine = v.picklist(names, say(`must be one of ${names.join(', ')}`));
  const template = v.strictObject({
    count,
    users: v.exactOptional(list(account('a user, or "*" for all', true))),
    groups: v.exactOptional(list(account('a group', false))),
    engines: v.exactOptional(v.pipe(list(engine), v.minLength(1, 'must name at least one engine; leave it out to allow all'))),
  });
  const dataset = v.pipe(
    v.string(),
    v.check(
      (text) => whyNotDataset(text) === null,
      ({ input }) => whyNotDataset(input) ?? '',
    ),
  );
  const user = v.pipe(
    v.string(),
    v.check((text: string) => isAccount(text), say('must be the name or the number of a user')),
  );
  const limit = v.exactOptional(whole(1, mostLeases));
  const limits = {
    leases: limit,
    leases_per_minute: limit,
    waiting: limit,
    sessions: limit,
    cpu: v.exactOptional(whole(1, mostPercent)),
    memory: v.exactOptional(size),
    pids: v.exactOptional(whole(1, mostProcesses)),
  };
  const users = v.exactOptional(v.pipe(named, v.map(user, v.pipe(table, v.strictObject(limits)))));
  // Lower ids belong to users and services.
  const start = v.exactOptional(whole(idsPerSandbox, noId - 1));
  const blocks = v.pipe(
    // Two sandboxes, because clones with shifted owners share the first range.
    whole(2 * idsPerSandbox, noId - 1),
    v.multipleOf(idsPerSandbox, say(`must be a multiple of ${idsPerSandbox}`)),
  );
  const place = (allowed: RegExp, message: string) => v.pipe(v.string(say(message)), v.regex(allowed, say(message)));
  return v.strictObject({
    count,
    template: v.exactOptional(place(templatePattern, 'must be a name, a dataset or an absolute path')),
    engine: v.exactOptional(engine),
    store: v.exactOptional(place(storePattern, 'must be a dataset or an absolute path')),
    templates: v.exactOptional(v.pipe(named, v.map(dataset, v.pipe(table, template)))),
    limits: v.exactOptional(v.pipe(table, v.strictObject({ ...limits, users }))),
    ids: v.exactOptional(v.pipe(table, v.strictObject({ uid_start: start, gid_start: start, count: v.exactOptional(blocks) }))),
  });
}

function makeParts(v: typeof valibot) {
  const whole = (least: number, most: number) => {
    const message = say(`must be a whole number from ${least} to ${most}`);
    return v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message));
  };
  // A schema of an object takes dates and lists too.
  const table = v.custom<Readonly<Record<string, unknown>>>(isTable, say('must be a table'));
  // A map, because a record would lose keys such as `constructor`.
  const named = v.pipe(
    table,
    v.transform((raw) => new Map(Object.entries(raw))),
  );
  const list = <Item extends valibot.GenericSchema>(item: Item) => v.array(item, say('must be a list'));
  const account = (what: string, everybody: boolean) => {
    const message = say(`must be the name or the number of ${what}`);
    return v.pipe(
      v.unknown(),
      v.check((value) => isAccount(value) || (everybody && value === '*'), message),
      v.transform(String),
    );
  };
  const size = v.pipe(
    v.unknown(),
    v.check((value) => readSize(value) !== null, say('must be a size such as "512M" or "2G"')),
    v.transform((value) => readSize(value) ?? 0),
  );
  return { whole, size, table, named, list, account };
}

/** A message that ends with the given value. */
function say(wanted: string) {
  return ({ input }: { readonly input: unknown }): string => `${wanted}, not ${showValue(input)}`;
}

/** A decimal id, or a name that passwd(5) and group(5) can hold. */
function isAccount(value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  if (/^[0-9]+$/.test(text)) return Number(text) < noId && String(Number(text)) === text;
  return /^[^-*+:,/\s\p{Cc}][^*:,/\s\p{Cc}]{0,254}$/u.test(text);
}

function whyNotDataset(text: string): string | null {
  try {
    parseDataset(text);
    return null;
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return error.message.replace(/\.$/, '');
  }
}

/** As `--memory`; null: it is none. */
function readSize(value: unknown): number | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  try {
    return parseSize('', value);
  } catch {
    return null;
  }
}

const limitNames = {
  leases: 'leases',
  leases_per_minute: 'leasesPerMinute',
  waiting: 'waiting',
  sessions: 'sessions',
  cpu: 'cpuPercent',
  memory: 'memoryBytes',
  pids: 'pids',
} as const satisfies Readonly<Record<string, keyof UserLimits>>;

function nameLimits(table: { readonly [Key in keyof typeof limitNames]?: number }): Partial<UserLimits> {
  const named: { -readonly [Key in keyof UserLimits]?: number } = {};
  for (const [key, name] of Object.entries(limitNames)) {
    const value = table[key as keyof typeof limitNames];
    if (value !== undefined) named[name] = value;
  }
  return named;
}

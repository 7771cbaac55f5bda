import { dirname, join } from 'node:path/posix';

import { IsolateError } from '../../error.ts';
import type { PathFacts } from '../../host/facts.ts';
import { settingMistake, tomlMistake } from '../mistake.ts';
import type { ConfigFile } from '../read-files.ts';
import { parseToml } from '../toml.ts';
import type { RunLayers } from './choose.ts';
import { approvalName, findUserPlaces, placeVariables, projectCandidates, type UserPlaces } from './places.ts';
import { readRunTable } from './read-table.ts';
import type { Anchor, Layer } from './run-settings.ts';

/** What is asked of the user whose settings are wanted, and looked up with that user's rights. */
export interface SettingsQuestions {
  readonly paths: readonly string[];
  readonly files: readonly string[];
  readonly variables: readonly string[];
}

export interface SettingsAnswers {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Null: nothing is there, or nothing that the user may look at. */
  readonly probePath: (path: string) => Pick<PathFacts, 'kind' | 'uid' | 'mode'> | null;
  /** Throws if the file cannot be read. */
  readonly readFile: (path: string) => string;
}

export interface SettingsCaller {
  readonly uid: number;
  /** Absolute; null: it was removed. */
  readonly cwd: string | null;
  readonly ask: (questions: () => SettingsQuestions) => Promise<SettingsAnswers>;
  /** Whether an error is to name line and key; finding them takes its time. */
  readonly explains: boolean;
  /** Rejects with `bad-config` if another user could put another file at this path at any time: before it is read, but after it was checked. */
  readonly refuseMovable: (path: string) => Promise<void>;
  /** The user's home; null: there is none. */
  readonly findHome: (environment: SettingsAnswers['environment']) => string | null;
}

/** The settings of a user, and of the project in which the user is. */
export interface UserSettings extends RunLayers {
  readonly places: UserPlaces;
  /** At least the variables that lead to them. */
  readonly environment: SettingsAnswers['environment'];
}

/** The largest file that is accepted. */
const mostBytes = 64 * 1024;

/**
 * Reads the settings of a user and of its project, the project's first. A file of a project counts only if the user has approved its
 * content. Throws `bad-config` with file, line and key. `verbs` cannot be aliases.
 */
export async function loadUserSettings(caller: SettingsCaller, verbs: readonly string[]): Promise<UserSettings> {
  const { environment } = await caller.ask(() => ({ paths: [], files: [], variables: placeVariables }));
  const home = caller.findHome(environment);
  const places = findUserPlaces(environment, home);
  const own = places.settings === null ? [] : [places.settings];
  const candidates = projectCandidates(caller.cwd, home);
  const found = await caller.ask(() => ({ paths: [...own, ...own.map(dirname), ...candidates], files: own, variables: [] }));
  const project = candidates.find((path) => found.probePath(path)?.kind === 'file');
  const layers: Layer[] = [];
  let unapproved: string | null = null;
  if (project !== undefined) {
    const answers = await caller.ask(() => ({ paths: [], files: [project], variables: [] }));
    // Anybody can make such a file in a directory like /tmp, so one that cannot be read is no failure.
    const text = await attempt(async () => readText(project, answers));
    if (text !== null && (await isApproved({ path: project, text }, places, caller))) {
      layers.push(await parseRunFile({ path: project, text }, { home, directory: dirname(project) }, verbs, caller.explains));
    } else {
      unapproved = project;
    }
  }
  for (const path of own) {
    if (found.probePath(path) === null) continue;
    layers.push(await readOwnFile(path, found, home, caller, verbs));
  }
  return { layers, unapproved, places, environment };
}

/** Reads a user's own settings. Throws `bad-config`, also for a file that another user can change. */
export async function readOwnFile(
  path: string,
  answers: SettingsAnswers,
  home: string | null,
  { uid, refuseMovable, explains }: SettingsCaller,
  verbs: readonly string[],
): Promise<Layer> {
  refuseForeign([path, dirname(path)], answers, uid);
  await refuseMovable(path);
  return await parseRunFile({ path, text: readText(path, answers) }, { home, directory: null }, verbs, explains);
}

/**
 * Reads the text of a settings file of a user or project. Throws `bad-config` with file, line and key, or with the file alone if it need
 * not explain.
 */
export async function parseRunFile(file: ConfigFile, anchor: Anchor, verbs: readonly string[], explains = true): Promise<Layer> {
  const toml = await parseToml(file.text);
  const result = 'fault' in toml ? toml : readRunTable(toml.table, { anchor, verbs });
  if ('settings' in result) return { origin: file.path, ...result.settings };
  if (!explains) throw new IsolateError('bad-config', `${file.path} is not valid.`);
  throw 'line' in result.fault ? tomlMistake(file, result.fault, page) : settingMistake(file, result.fault, page);
}

/** Describes all keys. */
const page = 'docs/settings.md';

/** Whether this user has approved this very content at this path. */
export async function isApproved(
  file: ConfigFile,
  { approved }: UserPlaces,
  { uid, ask, refuseMovable }: SettingsCaller,
): Promise<boolean> {
  if (approved === null) return false;
  const record = join(approved, approvalName(file.path, file.text));
  const { probePath } = await ask(() => ({ paths: [approved, record], files: [], variables: [] }));
  // Another user could have put it there, as after su(1) with the variables of that user.
  const isOwn = [approved, record].every((path) => {
    const facts = probePath(path);
    return facts !== null && facts.uid === uid && (facts.mode & 0o022) === 0;
  });
  return isOwn && (await attempt(() => refuseMovable(record).then(() => true))) === true;
}

/** Null: the settings are not usable. */
async function attempt<Value>(action: () => Promise<Value>): Promise<Value | null> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof IsolateError && error.code === 'bad-config') return null;
    throw error;
  }
}

/** The text of a file. Throws `bad-config`. */
export function readText(path: string, { readFile }: Pick<SettingsAnswers, 'readFile'>): string {
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    throw new IsolateError('bad-config', `${path} cannot be read.`, { cause });
  }
  if (Buffer.byteLength(text) <= mostBytes) return text;
  throw new IsolateError('bad-config', `${path} is larger than ${mostBytes} bytes.`);
}

/** Throws `bad-config` for what another user can change, who could have commands run. */
function refuseForeign(paths: readonly string[], { probePath }: SettingsAnswers, uid: number): void {
  for (const path of paths) {
    const facts = probePath(path);
    if (facts === null) continue;
    const isOwn = facts.uid === uid || facts.uid === 0;
    if (isOwn && (facts.mode & 0o022) === 0) continue;
    const reason = isOwn ? 'other users can write to it' : `it belongs to uid ${facts.uid}`;
    throw new IsolateError('bad-config', `Refusing ${path}: ${reason}.`, {
      hint: isOwn ? `chmod go-w ${path}` : 'set HOME and XDG_CONFIG_HOME to directories of your own, as sudo -H does',
    });
  }
}

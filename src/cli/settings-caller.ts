import type { SettingsAnswers, SettingsCaller } from '../config/runs/load.ts';
import { lookAtOwnFiles } from './own-settings.ts';
import { findUserPlaces, type UserPlaces } from '../config/runs/places.ts';
import { IsolateError } from '../error.ts';
import { findHome } from '../host/home.ts';
import { findWriterAbove } from '../host/writers-above.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { workingDirectory } from '../run/working-directory.ts';

/** This process's own user, and what it finds at once. */
export interface OwnSettingsCaller extends SettingsCaller {
  readonly answers: SettingsAnswers;
  readonly places: UserPlaces;
}

/** Throws `bad-config` if another user could put something else at a path of this user's. */
export function refuseMovable(path: string, uid: number): void {
  const writer = findWriterAbove(path, uid);
  if (writer === null) return;
  throw new IsolateError('bad-config', `Refusing ${path}: ${writer.who} can change ${writer.path}.`, {
    hint: 'set HOME and XDG_CONFIG_HOME to directories of your own, as sudo -H does',
  });
}

/** This process's own user, whose settings are wanted. */
export function ownSettingsCaller(): OwnSettingsCaller {
  const environment = callerEnvironment();
  const answers = lookAtOwnFiles(environment);
  const uid = process.getuid?.() ?? 0;
  return {
    uid,
    cwd: workingDirectory(),
    ask: () => Promise.resolve(answers),
    explains: true,
    refuseMovable: async (path) => refuseMovable(path, uid),
    findHome,
    answers,
    places: findUserPlaces(environment, findHome(environment)),
  };
}

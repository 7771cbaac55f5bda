import type { SettingsAnswers, SettingsCaller } from '../config/runs/load.ts';
import { lookAtOwnFiles } from '../config/runs/own-files.ts';
import { findUserPlaces, type UserPlaces } from '../config/runs/places.ts';
import { findHome } from '../host/home.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { workingDirectory } from '../run/working-directory.ts';

/** This process's own user, and what it finds at once. */
export interface OwnSettingsCaller extends SettingsCaller {
  readonly answers: SettingsAnswers;
  readonly places: UserPlaces;
}

/** This process's own user, whose settings are wanted. */
export function ownSettingsCaller(): OwnSettingsCaller {
  const environment = callerEnvironment();
  const answers = lookAtOwnFiles(environment);
  return {
    uid: process.getuid?.() ?? 0,
    cwd: workingDirectory(),
    ask: () => Promise.resolve(answers),
    explains: true,
    findHome,
    answers,
    places: findUserPlaces(environment, findHome(environment)),
  };
}

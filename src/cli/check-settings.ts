import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';

import { configPath } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { chooseRun, type RunLayers } from '../config/runs/choose.ts';
import { isApproved, parseRunFile, readOwnFile, readText } from '../config/runs/load.ts';
import { projectCandidates } from '../config/runs/places.ts';
import type { Layer } from '../config/runs/run-settings.ts';
import { IsolateError } from '../error.ts';
import { verbs } from './verbs.ts';
import { ownSettingsCaller, type OwnSettingsCaller } from './settings-caller.ts';

/** A file of settings, and whether runs can use it. */
export interface CheckedFile {
  readonly file: string;
  readonly state: 'valid' | 'approved' | 'not-approved' | 'missing' | 'hidden' | 'invalid';
  /** What is wrong. */
  readonly message?: string;
}

/** For messages. */
export const stateWords: Readonly<Record<CheckedFile['state'], string>> = {
  valid: 'valid',
  approved: 'valid, approved',
  'not-approved': 'valid, not approved: isolate config approve',
  missing: 'not there',
  hidden: 'cannot be read by you, which does no harm',
  invalid: 'invalid',
};

/** Every file that settings of runs in this directory can come from: the host's, the caller's own, the project's. */
export async function checkSettings(): Promise<readonly CheckedFile[]> {
  return [...(await checkHost()), ...(await checkRunSettings())];
}

/** The caller's own file and the project's. */
export async function checkRunSettings(): Promise<readonly CheckedFile[]> {
  const caller = ownSettingsCaller();
  const layers: Layer[] = [];
  const project = await checkProject(caller, layers);
  const own = await checkOwn(caller, layers);
  return [...own, ...project].map((checked) => checkPresets(checked, { layers, unapproved: null }));
}

async function checkHost(): Promise<readonly CheckedFile[]> {
  if (!existsSync(configPath)) return [{ file: configPath, state: 'missing' }];
  try {
    accessSync(configPath, constants.R_OK);
  } catch {
    return [{ file: configPath, state: 'hidden' }];
  }
  return await attempt(configPath, async () => (await loadConfig({ onHidden: () => {} })).files.map((file) => ({ file, state: 'valid' })));
}

async function checkOwn(caller: OwnSettingsCaller, layers: Layer[]): Promise<readonly CheckedFile[]> {
  const { answers, places } = caller;
  const { settings, home } = places;
  if (settings === null) return [];
  if (answers.probePath(settings) === null) return [{ file: settings, state: 'missing' }];
  return await attempt(settings, async () => {
    layers.push(await readOwnFile(settings, answers, home, caller, verbs));
    return [{ file: settings, state: 'valid' }];
  });
}

async function checkProject(caller: OwnSettingsCaller, layers: Layer[]): Promise<readonly CheckedFile[]> {
  const { answers, places } = caller;
  const path = projectCandidates(caller.cwd, places.home).find((candidate) => answers.probePath(candidate)?.kind === 'file');
  if (path === undefined) return [];
  return await attempt(path, async () => {
    const file = { path, text: readText(path, answers) };
    layers.push(await parseRunFile(file, { home: places.home, directory: dirname(path) }, verbs));
    return [{ file: path, state: (await isApproved(file, places, caller)) ? 'approved' : 'not-approved' }];
  });
}

async function attempt(file: string, check: () => Promise<readonly CheckedFile[]>): Promise<readonly CheckedFile[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return [{ file, state: 'invalid', message: error.message }];
  }
}

/** Whether the presets that others use are there. */
function checkPresets(checked: CheckedFile, all: RunLayers): CheckedFile {
  try {
    for (const [preset] of all.layers.find(({ origin }) => origin === checked.file)?.presets ?? []) {
      chooseRun({ preset, options: new Map(), command: [] }, all);
    }
    return checked;
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return { file: checked.file, state: 'invalid', message: error.message };
  }
}

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';

import { configPath } from '../../../config/config.ts';
import { loadConfig } from '../../../config/load.ts';
import { chooseRun, type RunLayers } from '../../../config/runs/choose.ts';
import { isApproved, parseRunFile, readOwnFile, readText } from '../../../config/runs/load.ts';
import { projectCandidates } from '../../../config/runs/places.ts';
import type { Layer } from '../../../config/runs/run-settings.ts';
import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { escapeControls } from '../../escape.ts';
import { verbs } from '../../options.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { ownSettingsCaller, type OwnSettingsCaller } from '../../settings-caller.ts';
import { refuseWords } from '../refuse-words.ts';

interface Checked {
  readonly file: string;
  readonly state: 'valid' | 'approved' | 'not-approved' | 'missing' | 'hidden' | 'invalid';
  /** What is wrong. */
  readonly message?: string;
}

/** `isolate config check`: every file that settings of runs in this directory can come from. Status 0 if none is invalid, else 1. */
export async function checkConfigVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate config check [OPTIONS]');
  const caller = ownSettingsCaller();
  const layers: Layer[] = [];
  const project = await checkProject(caller, layers);
  const own = await checkOwn(caller, layers);
  const files = [...(await checkHost()), ...own, ...project].map((checked) => checkPresets(checked, { layers, unapproved: null }));
  print(parsed.flags.has('json') ? `${toJson({ files })}\n` : files.map(renderChecked).join(''));
  return files.some(({ state }) => state === 'invalid') ? 1 : 0;
}

async function checkHost(): Promise<readonly Checked[]> {
  if (!existsSync(configPath)) return [{ file: configPath, state: 'missing' }];
  try {
    accessSync(configPath, constants.R_OK);
  } catch {
    return [{ file: configPath, state: 'hidden' }];
  }
  return await attempt(configPath, async () => (await loadConfig({ onHidden: () => {} })).files.map((file) => ({ file, state: 'valid' })));
}

async function checkOwn(caller: OwnSettingsCaller, layers: Layer[]): Promise<readonly Checked[]> {
  const { answers, places } = caller;
  const { settings, home } = places;
  if (settings === null) return [];
  if (answers.probePath(settings) === null) return [{ file: settings, state: 'missing' }];
  return await attempt(settings, async () => {
    layers.push(await readOwnFile(settings, answers, home, caller, verbs));
    return [{ file: settings, state: 'valid' }];
  });
}

async function checkProject(caller: OwnSettingsCaller, layers: Layer[]): Promise<readonly Checked[]> {
  const { answers, places } = caller;
  const path = projectCandidates(caller.cwd, places.home).find((candidate) => answers.probePath(candidate)?.kind === 'file');
  if (path === undefined) return [];
  return await attempt(path, async () => {
    const file = { path, text: readText(path, answers) };
    layers.push(await parseRunFile(file, { home: places.home, directory: dirname(path) }, verbs));
    return [{ file: path, state: (await isApproved(file, places, caller)) ? 'approved' : 'not-approved' }];
  });
}

async function attempt(file: string, check: () => Promise<readonly Checked[]>): Promise<readonly Checked[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return [{ file, state: 'invalid', message: error.message }];
  }
}

/** Whether the presets that others use are there. */
function checkPresets(checked: Checked, all: RunLayers): Checked {
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

const says: Readonly<Record<Checked['state'], string>> = {
  valid: 'valid',
  approved: 'valid, approved',
  'not-approved': 'valid, not approved: isolate config approve',
  missing: 'not there',
  hidden: 'cannot be read by you, which does no harm',
  invalid: 'invalid',
};

function renderChecked({ file, state, message }: Checked): string {
  return `${escapeControls(message ?? `${file}: ${says[state]}`)}\n`;
}

import { hostname } from 'node:os';

import type { Facts } from './facts.ts';
import { readText } from './read-text.ts';
import type { Check } from './survey/check.ts';
import { checkDaemon, type DaemonAnswer } from './survey/daemon.ts';
import { checkDesktop } from './survey/desktop.ts';
import { checkKernel } from './survey/kernel.ts';
import { checkOwnFiles } from './survey/own-files.ts';
import { checkMachine } from './survey/machine.ts';
import { checkPrograms } from './survey/programs.ts';
import { checkTemplate } from './survey/template.ts';
import { checkUnits } from './survey/units.ts';
import { checkZfs } from './survey/zfs.ts';

/** The host and caller to survey, and optionally a template. */
export interface SurveyRequest {
  /** Everything that the probe finds without a spec. */
  readonly facts: Facts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where isolate keeps layers and its own templates. */
  readonly stateDirectory: string;
  /** A directory, as for -t. */
  readonly template?: string;
  /** Whether the state directories can be used. */
  readonly state: Check;
  /** The checks of the settings: the administrator's, and those of runs. */
  readonly settings: readonly Check[];
  /** The daemon's socket and answer. */
  readonly daemon: { readonly socket: string; readonly answer: DaemonAnswer };
}

/** Checks everything that isolate can use here. Starts tools to ask for their versions, each for at most 5 s. */
export async function surveyHost({
  facts,
  environment,
  stateDirectory,
  state,
  template,
  settings,
  daemon,
}: SurveyRequest): Promise<readonly Check[]> {
  const { uid, rights } = facts.user;
  const search = { rights, path: environment['PATH'] };
  return [
    ...(await checkPrograms(search)),
    checkOwnFiles({ files: facts.files, uid, node: process.execPath }),
    ...(facts.machine === undefined ? [] : checkMachine(facts.machine, facts.files.kernel)),
    await checkZfs(search),
    ...checkKernel(facts, stateDirectory, daemon.answer.kind === 'serves' ? daemon.answer.limits : []),
    state,
    ...settings,
    checkDaemon(daemon.socket, daemon.answer),
    checkUnits(daemon.answer),
    ...checkDesktop({ environment, uid, hostname: hostname(), passwd: readText('/etc/passwd') ?? '' }),
    ...(template === undefined ? [] : [checkTemplate(template, rights)]),
  ];
}

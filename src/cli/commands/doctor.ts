import { readSandboxIds } from '../../config/ids.ts';
import { engines } from '../../engine/registry.ts';
import { IsolateError } from '../../error.ts';
import type { Facts, SandboxIds } from '../../host/facts.ts';
import { probeFacts, readPrivileges } from '../../host/probe.ts';
import { surveyHost } from '../../host/survey.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { runCommand } from '../../process/command.ts';
import { askDaemon } from '../../status/ask-daemon.ts';
import { daemonSocket } from '../../client/daemon-connection.ts';
import { findOwnFiles } from '../../host/own-files.ts';
import { findMachineFacts } from '../../run/machine-facts.ts';
import { workingDirectory } from '../../run/working-directory.ts';
import { parseHostPath } from '../../spec/parse-path.ts';
import { plainSpec } from '../../spec/resolve-spec.ts';
import type { CheckedSpec } from '../../spec/spec.ts';
import { print } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderSurvey, renderSurveyJson } from '../render-survey.ts';
import type { SettingsSource } from '../settings-source.ts';
import { surveyRunSettings, surveySettings } from '../survey-settings.ts';
import { surveyState } from '../survey-state.ts';
import { surveyStorage } from '../survey-storage.ts';
import { refuseWords } from './refuse-words.ts';
import { rightsOf } from '../../host/rights.ts';

/** `isolate doctor`: what this host can do. Status 0 if the default engine can be used, else 1. */
export async function doctorVerb(parsed: ParsedArguments, settings: SettingsSource): Promise<number> {
  const { flags, values } = parsed;
  if (flags.has('prove')) return await (await import('./prove.ts')).proveVerb(parsed, settings);
  refuseWords(parsed, 'isolate doctor [OPTIONS]');
  const environment = callerEnvironment();
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const ids = rightsOf(uid) === 'root' ? await readIds() : { sandboxIds: null };
  const files = builtFiles();
  const found = await probeFacts({
    environment,
    searchPath: environment['PATH'],
    uid,
    gid,
    sandboxIds: ids?.sandboxIds ?? null,
    files,
    privileges: readPrivileges(),
  });
  const machine = await findMachineFacts({ files, rights: rightsOf(uid), searchPath: environment['PATH'] });
  const facts = { ...found, machine };
  const given = values.get('template');
  const template = given === undefined ? undefined : parseHostPath('usage', 'The template directory', given, workingDirectory());
  const state = surveyState(uid, environment);
  const survey = await surveyHost({
    facts,
    environment,
    stateDirectory: state.directory,
    state: state.check,
    settings: [await surveySettings(), await surveyRunSettings()],
    daemon: { socket: daemonSocket, answer: await askDaemon(daemonSocket) },
    ...(template === undefined ? {} : { template }),
  });
  const choice = { stateDirectory: state.directory, uid, run: runCommand, tree: facts.files.tree };
  const checks = [...survey, ...(template === undefined || facts.files.tree === '' ? [] : await surveyStorage(template, choice))];
  const states = engines.map((engine) => ({ engine, problems: engine.check(leastOf(engine.name), facts) }));
  print(flags.has('json') ? renderSurveyJson(checks, states) : renderSurvey(checks, states));
  const built = checks.every(({ id, state }) => id !== 'own-files' || state !== 'missing');
  return built && ids !== null && states[0]?.problems.length === 0 ? 0 : 1;
}

/** Null: the settings are invalid, so root's runs would fail. */
async function readIds(): Promise<{ readonly sandboxIds: SandboxIds | null } | null> {
  try {
    return { sandboxIds: await readSandboxIds() };
  } catch (error) {
    if (error instanceof IsolateError && error.code === 'bad-config') return null;
    throw error;
  }
}

/** The files that a run needs. If they were not built, that is a finding here, not a failure. */
function builtFiles(): Facts['files'] {
  try {
    return findOwnFiles();
  } catch (error) {
    if (error instanceof IsolateError)
      return {
        launcher: '',
        gate: '',
        seccompFilter: '',
        socketcallFilter: '',
        lxcSeccompProfile: '',
        lxcFilter: '',
        unpacker: '',
        tree: '',
        machine: '',
        kernel: '',
        initramfs: '',
      };
    throw error;
  }
}

/** The run that demands least of an engine. */
function leastOf(engine: string): CheckedSpec {
  return { ...plainSpec, engine, root: { kind: 'directory', path: '/', write: 'direct' } };
}

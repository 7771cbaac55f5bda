import { isatty } from 'node:tty';

import type { Descriptor } from '../../launch/launch.ts';
import type { RunOptions } from '../../run/run-options.ts';
import type { RunRequest } from '../../spec/request.ts';
import { logStorage, logWay } from '../../log.ts';
import { toJson } from '../../json.ts';
import { ownClient } from '../../process/own-client.ts';
import { withAbortOnSignals } from '../abort-on-signals.ts';
import { exitCodeOf } from '../exit-code.ts';
import { print, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { toRunRequest } from '../run-request.ts';
import { findOwnTemplate } from '../find-own-template.ts';
import type { SettingsSource } from '../settings-source.ts';
import { settleRun } from '../settle-run.ts';
import { runClient } from '../run-client.ts';
import { runVoice } from '../run-voice.ts';
import { openReporter, type Reporter } from '../reporter.ts';

/** What tells of the changes of a run, or has another program do a run that tells of them. */
export type ChangesTeller = { readonly tell: NonNullable<RunOptions['onChanges']> } | { readonly leave: () => Promise<number> };

/** Of a run that is tried until it can begin. */
export interface Tries {
  /** Whether an error is the end of it, so that it is reported. */
  readonly isFinal: (error: unknown) => boolean;
  /** What was written of it already. */
  readonly said: Set<string>;
}

/** `isolate [run]`: runs the command and returns its exit status. */
export async function runVerb(parsed: ParsedArguments, settings: SettingsSource, changes: ChangesTeller, tries?: Tries): Promise<number> {
  const { flags } = parsed;
  const reporter = (request: RunRequest): Reporter => openReporter(parsed, request);
  const { request, notices } = await settleRun(parsed, settings, findOwnTemplate).catch((error: unknown) => {
    if (!flags.has('dry-run')) reporter(toRunRequest(parsed)).fail(error);
    throw error;
  });
  if (flags.has('dry-run')) {
    for (const message of notices) write(2, runVoice(parsed, request, 'node').render({ kind: 'notice', message }, isatty(2)));
    return await printPlan(request, parsed);
  }
  if (request.diff === true && 'leave' in changes) return await changes.leave();
  const { voice, tell, fail, launching } = reporter(request);
  const left = [...notices];
  const say = (text: string): void => {
    if (tries?.said.has(text) !== true) write(2, text);
    tries?.said.add(text);
  };
  try {
    const { runFor } = await import('../../run/run.ts');
    const client = ownClient();
    const carrier = client === null ? null : runClient(client, voice);
    const outcome = await withAbortOnSignals(flags.has('ignore-sigint'), (signal, stop) =>
      runFor(carrier, request, {
        signal,
        forwardSignals: true,
        onEvent: (event) => {
          // Not earlier: another program may yet do all of this run.
          for (const message of left.splice(0)) say(voice.render({ kind: 'notice', message }, isatty(2)));
          if (event.kind === 'launching') {
            launching(event.command);
            stop();
          } else if (event.kind === 'started') {
            tell('status', event);
          } else if (event.kind === 'way') {
            logWay(event.way);
          } else if (event.kind === 'storage') {
            logStorage(event.storage);
          } else {
            say(voice.render(event, isatty(2)));
          }
        },
        ...('tell' in changes ? { onChanges: changes.tell } : {}),
      } satisfies RunOptions),
    );
    tell('status', outcome);
    tell('error', outcome);
    tell('terminal', outcome);
    return exitCodeOf(outcome);
  } catch (error) {
    if (tries?.isFinal(error) !== false) fail(error);
    throw error;
  }
}

async function printPlan(request: RunRequest, parsed: ParsedArguments): Promise<number> {
  const { flags } = parsed;
  const voice = runVoice(parsed, request, 'node');
  const { plan } = await import('../../run/run.ts');
  const launch = await plan(request, { onEvent: (event) => write(2, voice.render(event, isatty(2))) });
  if (flags.has('json')) {
    const { environment, descriptors, ...rest } = launch;
    const shown = { ...rest, environment: Object.keys(environment), descriptors: descriptors.map(withoutContent) };
    print(`${toJson(shown)}\n`);
  } else {
    const { formatLaunch } = await import('../../launch/format.ts');
    print(formatLaunch(launch, { values: false }));
  }
  return 0;
}

/** The contents may be secret: cookies and the values of variables. */
function withoutContent(descriptor: Descriptor): object {
  switch (descriptor.kind) {
    case 'data': {
      const { content: _secret, ...rest } = descriptor;
      return rest;
    }
    case 'command':
      return { ...descriptor, environment: Object.keys(descriptor.environment) };
    default:
      return descriptor;
  }
}

import { isatty } from 'node:tty';

import type { Descriptor } from '../../launch/launch.ts';
import { IsolateError } from '../../error.ts';
import { lineOf, type ReportEvent, type ReportLine } from '../../launch/report.ts';
import type { RunOptions } from '../../run/run-options.ts';
import type { RunRequest } from '../../spec/request.ts';
import { logWay } from '../../log.ts';
import { toJson } from '../../json.ts';
import { ownClient } from '../../process/own-client.ts';
import { exitCodeOf } from '../exit-code.ts';
import { print, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { checkMisspelledVerb, toRunRequest } from '../run-request.ts';
import { toIsolateError } from '../render-error.ts';
import { runClient } from '../run-client.ts';
import { runVoice } from '../run-voice.ts';
import { openStatusDescriptor } from '../status-descriptor.ts';

/** `isolate [run]`: runs the command and returns its exit status. */
export async function runVerb(parsed: ParsedArguments): Promise<number> {
  checkMisspelledVerb(parsed);
  const request = toRunRequest(parsed);
  if (parsed.flags.has('dry-run')) {
    return await printPlan(request, parsed);
  }
  const { flags, values } = parsed;
  const voice = runVoice(parsed, request, 'node');
  const descriptors = { error: 2, status: openStatusDescriptor(values.get('status-fd')) ?? 2 };
  let { command = [] } = request;
  const tell = (stream: ReportLine['stream'], event: ReportEvent): void => {
    write(descriptors[stream], lineOf(voice.lines(command), stream, event));
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
          if (event.kind === 'launching') {
            ({ command } = event);
            stop();
          } else if (event.kind === 'started') {
            tell('status', event);
          } else if (event.kind === 'way') {
            logWay(event.way);
          } else {
            write(2, voice.render(event, isatty(2)));
          }
        },
      } satisfies RunOptions),
    );
    tell('status', outcome);
    tell('error', outcome);
    return exitCodeOf(outcome);
  } catch (error) {
    const { code, message } = toIsolateError(error);
    tell('status', { kind: 'failed', code, message });
    throw error;
  }
}

/** Until the launch begins, a signal cancels it; from then on signals go to the command. */
async function withAbortOnSignals<T>(ignoreInterrupt: boolean, action: (signal: AbortSignal, stop: () => void) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let waiting = true;
  const abort = (name: NodeJS.Signals): void => {
    if (waiting && !(ignoreInterrupt && name === 'SIGINT')) {
      controller.abort(new IsolateError('aborted', `${name} arrived before the command started.`));
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, abort);
  try {
    return await action(controller.signal, () => {
      waiting = false;
    });
  } finally {
    for (const name of signals) process.off(name, abort);
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

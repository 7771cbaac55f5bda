import type { Launch } from '../launch/launch.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { logCommand } from '../log.ts';
import { type LaunchHandle, type LaunchOptions, startLaunch } from '../process/launch.ts';
import { withForwardedSignals } from '../process/signals.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import type { Outcome } from '../launch/outcome.ts';
import { callersStreams, type RunOptions } from './run-options.ts';

/**
 * Announces a launch that is about to be started: from now on signals are the command's. Throws `aborted` where one came that
 * meant that there shall be no run.
 */
export function announceLaunch(launch: Launch, spec: Pick<SandboxSpec, 'command'>, { signal, onEvent }: RunOptions): void {
  refuseAborted(signal);
  for (const command of commandsOf(launch, spec)) logCommand(command);
  onEvent?.({ kind: 'launching', command: spec.command });
}

/** Starts a launch, handles its time limit and signals, and returns how it ended. */
export async function supervise(
  launch: Launch,
  spec: Pick<SandboxSpec, 'command'>,
  facts: { readonly files: Pick<Facts['files'], 'launcher'> },
  options: RunOptions & Pick<LaunchOptions, 'connection'>,
): Promise<Outcome> {
  announceLaunch(launch, spec, options);
  const relay = makeRelay();
  const work = async (): Promise<Outcome> => {
    const running = await startLaunch(launch, {
      launcher: facts.files.launcher,
      stdio: options.stdio ?? callersStreams,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.connection === undefined ? {} : { connection: options.connection }),
      onStarted: () => options.onEvent?.({ kind: 'started' }),
    });
    try {
      relay.connect(running);
      options.onStreams?.(running);
      return await running.result;
    } catch (error) {
      // The clone must not be given back while the command still runs; the second SIGTERM kills it.
      running.forward('SIGTERM');
      running.forward('SIGTERM');
      await running.result.catch(() => undefined);
      throw error;
    }
  };
  return options.forwardSignals === true ? await withForwardedSignals(relay, work) : await work();
}

/** The engine, and what the stage executes inside. */
export function commandsOf(
  { file, args, engine }: Launch,
  { command }: Pick<SandboxSpec, 'command'>,
): readonly Parameters<typeof logCommand>[0][] {
  return [
    { file: typeof file === 'number' ? (args[0] ?? engine) : file, args: args.slice(1) },
    { file: command[0], args: command.slice(1) },
  ];
}

/** After the launch a signal goes to the command; before, it cancels the launch. */
function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const reason: unknown = signal.reason;
  throw reason instanceof IsolateError ? reason : new IsolateError('aborted', 'The run was cancelled before the command started.');
}

interface Relay extends Pick<LaunchHandle, 'forward'> {
  readonly connect: (running: LaunchHandle) => void;
}

/** Stores the signals that come while the launcher is being started, so that none is lost or confused with another. */
function makeRelay(): Relay {
  const early: NodeJS.Signals[] = [];
  let launcher: LaunchHandle | null = null;
  return {
    forward: (signal) => {
      if (launcher === null) early.push(signal);
      else launcher.forward(signal);
    },
    connect: (running) => {
      launcher = running;
      for (const signal of early) running.forward(signal);
    },
  };
}

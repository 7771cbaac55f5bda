import { IsolateError } from '../error.ts';
import { bareLaunch } from '../launch/bare-launch.ts';
import type { Join } from '../launch/join.ts';
import type { Environment, Launch } from '../launch/launch.ts';
import { engines } from './registry.ts';
import { planStage, stageFileNumber, stageName } from './stage.ts';

/** One more command in a run that is under way. */
export interface ExecRequest {
  readonly command: readonly [string, ...string[]];
  /** Added to the variables that the run's command was given. */
  readonly environment: Environment;
}

const toolNumber = 10;

/** The launch of a command in a run. It gets everything that is not in the request from the run (launcher/RECORD.md). Throws `unsupported-option`. */
export function planExec(
  { engine, ...run }: Omit<Join, 'kind'> & { readonly engine: string },
  { command, environment }: ExecRequest,
): Launch {
  refuseMachine(engine);
  const stage = planStage({ command, environment, seccomp: false });
  return {
    ...bareLaunch,
    engine,
    file: stageFileNumber,
    args: [stageName, ...stage.args],
    environment: {},
    descriptors: stage.descriptors,
    userNamespace: null,
    noNewPrivileges: false,
    containedStreams: true,
    join: { kind: 'sandbox', ...run },
  };
}

/**
 * The launch of a program of isolate's that sees the files of a run as the sandbox's root does, and is not seen by the sandbox. Its file
 * must need no other files. Throws `unsupported-option`.
 */
export function planToolInRun(
  file: string,
  args: readonly string[],
  { engine, ...run }: Omit<Join, 'kind'> & { readonly engine: string },
): Launch {
  refuseMachine(engine);
  return {
    ...bareLaunch,
    engine: 'tool',
    file: toolNumber,
    args,
    environment: {},
    descriptors: [{ number: toolNumber, kind: 'file', path: file }],
    userNamespace: null,
    noNewPrivileges: true,
    join: { kind: 'files', ...run },
  };
}

/** To the kernel of the host there is only QEMU. */
function refuseMachine(name: string): void {
  if (engines.find((engine) => engine.name === name)?.capabilities.kernel !== 'own') return;
  throw new IsolateError('unsupported-option', `Nothing can join a run of the engine ${name}, which has a kernel of its own.`);
}

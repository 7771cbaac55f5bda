import type { Descriptor } from '../launch/launch.ts';
import type { SandboxSpec } from '../spec/spec.ts';

const stageNumber = 10;
const statusNumber = 11;
const commandNumber = 12;

/** The first number that a launch with a stage leaves free. */
export const firstFreeNumber = 13;

/**
 * The launcher's program under the name an engine executes inside the sandbox: the guest holds no file of isolate, and
 * the descriptor is closed by the time the command runs. Needs /proc in the sandbox.
 */
export const stageFile = `/proc/self/fd/${stageNumber}`;

/** argv[0] of the stage where the launcher executes it itself, from the descriptor. */
export const stageName = 'isolate-stage';

/** For `Launch.file` where the launcher executes the stage itself. */
export const stageFileNumber = stageNumber;

/** What of a spec the stage carries out. */
type StagedSpec = Pick<SandboxSpec, 'environment' | 'seccomp' | 'user'> & { readonly command: readonly string[] };

export interface StagePlan {
  /** Its arguments behind argv[0]. */
  readonly args: readonly string[];
  readonly descriptors: readonly Descriptor[];
}

/**
 * What a launch needs to execute a command by way of the stage, which sees for itself that the system-call filter answers.
 * `reaps`: it stays the command's parent and ends what the command leaves running.
 */
export function planStage(
  { command, environment, seccomp, user }: StagedSpec,
  { reaps = false }: { readonly reaps?: boolean } = {},
): StagePlan {
  return {
    args: [
      ...(reaps ? ['--reap'] : []),
      ...(seccomp ? ['--filtered'] : []),
      ...(user === undefined ? [] : ['--user', user]),
      String(statusNumber),
      String(commandNumber),
    ],
    descriptors: [
      { number: stageNumber, kind: 'stage' },
      { number: statusNumber, kind: 'stage-status', ...(user === undefined ? {} : { user }) },
      { number: commandNumber, kind: 'command', words: command, environment },
    ],
  };
}

import type { Descriptor } from '../launch/launch.ts';
import type { SandboxSpec } from '../spec/spec.ts';

const stageNumber = 10;
const statusNumber = 11;
const commandNumber = 12;

/** The number of the descriptor by which the command's start is told. */
export const stageStatusNumber = statusNumber;

/** The number of the descriptor with the command and its variables. */
export const stageCommandNumber = commandNumber;

/** The first descriptor number that a launch with a stage leaves free. */
export const firstFreeNumber = 13;

/**
 * The path under which an engine executes the launcher's program inside the sandbox. The guest has no file of isolate, and the descriptor
 * is closed by the time the command runs. Needs /proc in the sandbox.
 */
export const stageFile = `/proc/self/fd/${stageNumber}`;

/** argv[0] of the stage if the launcher itself executes it, from the descriptor. */
export const stageName = 'isolate-stage';

/** For `Launch.file` if the launcher itself executes the stage. */
export const stageFileNumber = stageNumber;

/** What of a spec the stage carries out. */
type StagedSpec = Pick<SandboxSpec, 'templateEnvironment' | 'environment' | 'seccomp' | 'user'> & { readonly command: readonly string[] };

export interface StagePlan {
  /** Its arguments behind argv[0]. */
  readonly args: readonly string[];
  readonly descriptors: readonly Descriptor[];
}

/**
 * What a launch needs to execute a command through the stage, which checks that the system-call filter works. `reaps`: the stage remains
 * the command's parent and kills what the command leaves running.
 */
export function planStage(
  { command, templateEnvironment, environment, seccomp, user }: StagedSpec,
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
      { number: commandNumber, kind: 'command', words: command, environment: { ...templateEnvironment, ...environment } },
    ],
  };
}

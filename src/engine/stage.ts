import type { Descriptor } from './launch.ts';

const stageNumber = 10;

/** The stage's end of the status socket, as its first argument names it. */
export const stageStatusNumber = 11;

/**
 * The launcher's program under the name an engine executes inside the sandbox: nothing of isolate's lies in the guest, and
 * the descriptor is closed by the time the command runs. Needs /proc in the sandbox.
 */
export const stageFile = `/proc/self/fd/${stageNumber}`;

/**
 * The stage's arguments before the command. `filtered`: it sees for itself that the system-call filter answers, and runs
 * nothing where it does not. `reaps`: it stays the command's parent and ends what the command leaves running.
 */
export function stageArguments({ filtered, reaps = false }: { readonly filtered: boolean; readonly reaps?: boolean }): string[] {
  return [...(reaps ? ['--reap'] : []), ...(filtered ? ['--filtered'] : []), String(stageStatusNumber)];
}

/** argv[0] of the stage where the launcher executes it itself, from the descriptor. */
export const stageName = 'isolate-stage';

/** For `Launch.file` where the launcher executes the stage itself. */
export const stageFileNumber = stageNumber;

/** The two descriptors every launch with a stage carries. */
export const stageDescriptors: readonly Descriptor[] = [
  { number: stageNumber, kind: 'stage' },
  { number: stageStatusNumber, kind: 'stage-status' },
];

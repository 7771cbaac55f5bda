import type { LaunchHandle, LaunchOptions } from '../process/launch.ts';
import type { ChangedRoot } from './changed-root.ts';
import type { RunEvent } from './run-event.ts';

/** The command's standard streams: the caller's own, pipes for `onStreams`, nothing, or open descriptors. */
export type Streams = LaunchOptions['stdio'];

/** The caller's own, as for a command-line program. */
export const callersStreams: Streams = { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' };

/** How a run is watched, fed and ended. */
export interface RunOptions {
  /** The command's standard streams; the caller's own unless given. */
  readonly stdio?: Streams;
  /** Called once with the ends of the streams that are pipes. */
  readonly onStreams?: (streams: Pick<LaunchHandle, 'stdin' | 'stdout' | 'stderr'>) => void;
  /** Aborting ends the run as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** Pass the signals this process receives on to the command while it runs, as a command-line program does. */
  readonly forwardSignals?: boolean;
  /** What the template sets for runs does not count, as when the template is maintained: it may be wrong. */
  readonly withoutDefaults?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
  /** Called with the changed root of a run that asked for it (`diff`), before it is given back. It is there until this settles. */
  readonly onChanges?: (changed: ChangedRoot) => Promise<void>;
}

import type { Launch } from '../launch/launch.ts';
import { isDirectoryClone } from '../spec/root-ref.ts';
import type { Prepared } from './prepared.ts';

/** The client that started this process to decide a run, and that carries the launch out. Both end this process. */
export interface RunClient {
  /** As in `OwnClient`. */
  readonly shelf: number | null;
  /** Has it do all of the run by the program in Node in its own place. Nothing may be held. */
  readonly leaveToNode: () => never;
  /** Throws what keeps the launch from being sent. */
  readonly carryOut: (launch: Launch, command: readonly string[]) => never;
}

/** Options of which the client knows that `isOnlyLaunched` will say no, so that it starts Node in its own place at once. */
export const optionsOfNode: readonly string[] = ['ephemeral', 'diff', 'keep', 'keep-on-failure', 'x11', 'pre-hook', 'post-hook'];

/** Whether a launch is all that is left to do when the run is decided: no hooks, no changes to tell, and nothing that only this process can give back. */
export function isOnlyLaunched({ spec: { hooks, keep, root, diff }, facts: { user, desktop } }: Prepared): boolean {
  const isOwn = root.kind === 'volume' ? user.rights === 'root' : !isDirectoryClone(root);
  return isOwn && keep === undefined && diff === undefined && hooks.pre === undefined && hooks.post === undefined && desktop.x11 === null;
}

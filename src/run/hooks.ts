import { mergedPath, placeOf, type Rootfs } from '../rootfs/rootfs.ts';
import { overlayOptions } from '../engine/root-mounts.ts';
import { IsolateError } from '../error.ts';
import { runCommand } from '../process/command.ts';
import { runHook } from '../process/hook.ts';
import { unmount } from '../process/unmount.ts';
import type { Hooks } from '../spec/spec.ts';

/** Runs a hook's command line and throws `hook-failed` unless it succeeds. */
export type HookRunner = (which: 'pre' | 'post', line: string) => Promise<void>;

/**
 * Runs `action` between the user's hooks. A pre hook that fails is thrown as `hook-failed` and `action` is not run. The post hook always
 * runs; its failure does not change the result of `action`, and goes to `onPostFailure`.
 */
export async function withHooks<T>(
  { pre, post }: Hooks,
  runner: HookRunner,
  onPostFailure: (error: Error) => void,
  action: () => Promise<T>,
): Promise<T> {
  try {
    if (pre !== undefined) await runner('pre', pre);
    return await action();
  } finally {
    if (post !== undefined) await runner('post', post).catch(onPostFailure);
  }
}

/** Runs hooks on this host, as this process. */
export function hostHooks(rootfs: Rootfs): HookRunner {
  return (which, line) => withVisibleRoot(rootfs, () => runHook(which, line, placeOf(rootfs)));
}

/** Layers are merged only in the sandbox; for a hook on the host they are merged, with their natural owners, while it runs. */
async function withVisibleRoot({ parts: [part] }: Rootfs, action: () => Promise<void>): Promise<void> {
  if (part.kind !== 'overlay') return await action();
  const path = mergedPath(part);
  const args = ['-t', 'overlay', '-o', overlayOptions([part.lower], part.upperParent), 'overlay', path];
  const { exitCode, stderr } = await runCommand({ file: '/bin/mount', args, timeoutMs: 30_000 });
  if (exitCode !== 0) throw notShown(stderr.trim());
  try {
    await action();
  } catch (error) {
    // The first failure is the one to report.
    await unmount(path);
    throw error;
  }
  const failure = await unmount(path);
  if (failure !== null) throw notShown(failure);
}

function notShown(reason: string): IsolateError {
  return new IsolateError('hook-failed', `The root could not be shown to the hook: ${reason}`);
}

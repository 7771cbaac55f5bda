import { IsolateError } from '../../error.ts';
import type { CommandResult, RunCommand } from '../../process/command.ts';
import type { ZfsImplementation } from './implementation.ts';
import type { ZfsPlan } from './plan.ts';

/** Long enough for a transaction on a busy pool; a suspended one never answers. */
const timeoutMs = 30_000;
/** Most commands end within a tenth of this. */
const slowMs = 3_000;
const mountFile = '/bin/mount';
const umountFile = '/bin/umount';
const xargsFile = '/usr/bin/xargs';
/** Concurrent commands that change datasets share transactions. With commands that Node starts, more than this gain nothing. */
export const parallelCommands = 4;
/** The same for commands that xargs starts. */
const parallelInBatch = 8;

/** Runs planned zfs and zpool commands. */
export interface ZfsCommands {
  readonly zfs: (object: string, plan: ZfsPlan) => Promise<CommandResult>;
  readonly zpool: (object: string, plan: ZfsPlan) => Promise<CommandResult>;
  /**
   * Runs one zfs command for each list of arguments, all of the same length, with a single xargs(1), whose processes cost less than ours.
   * Returns only whether all succeeded.
   */
  readonly zfsMany: (plans: readonly ZfsPlan[]) => Promise<boolean>;
  /** mount(8) for all lines of a table (fstab(5)) that are not mounted yet, without helper programs. */
  readonly mountTable: (path: string) => Promise<CommandResult>;
  /** mount(8) for a snapshot. */
  readonly mountSnapshot: (snapshot: string, path: string) => Promise<CommandResult>;
  /** umount(8): neither lazy nor forced. */
  readonly umount: (paths: readonly string[]) => Promise<CommandResult>;
}

/** What the parts of the driver share. */
export interface ZfsContext extends ZfsCommands {
  readonly template: string;
  readonly implementation: ZfsImplementation;
  /** Whether the file system a path is on can be mounted idmapped. */
  readonly canIdmap: (path: string) => boolean;
}

/** The host's programs; null: there is none. */
export interface ZfsTools {
  readonly zfs: string | null;
  readonly zpool: string | null;
}

/**
 * Binds the programs. Commands throw `missing-tool` if there is no program, and `pool-suspended` for one that does not end. After that,
 * one command at a time is tried, at growing intervals, and never while one that was given up is still in the kernel, because each would
 * get stuck there. Once one has ended, all are started again.
 */
export function bindZfsCommands(tools: ZfsTools, run: RunCommand, onWaiting?: (message: string) => void): ZfsCommands {
  let isTold = false;
  const tellOnce = (message: string): void => {
    if (!isTold) onWaiting?.(message);
    isTold = true;
  };
  const bind = (name: 'zfs' | 'zpool') => {
    // zpool reports a suspended pool even while zfs is stuck.
    const gate = makeGate();
    return async (object: string, plan: ZfsPlan): Promise<CommandResult> => {
      const file = tools[name];
      if (file === null) {
        throw new IsolateError('missing-tool', `There is no ${name} command on this host, so ${object} cannot be used.`, {
          hint: 'install zfsutils-linux or zfs-fuse, or use -t DIR --ephemeral',
        });
      }
      const pass = gate.enter();
      const slow = setTimeout(
        () => tellOnce(`waiting for ${name} ${plan.args[0] ?? ''} of ${object}, for at most ${timeoutMs / 1000} s`),
        slowMs,
      );
      try {
        const result = await run({ file, timeoutMs, ...plan, onGivenUp: gate.givenUp });
        pass.ended();
        return result;
      } catch (error) {
        if (!(error instanceof IsolateError) || error.code !== 'tool-timeout') {
          pass.ended();
          throw error;
        }
        const stuck = new IsolateError('pool-suspended', `ZFS does not answer for ${object}: its pool may be suspended.`, {
          hint: 'zpool status names the device and zpool clear resumes; restart zfs-fuse if it does not answer either',
          cause: error,
        });
        pass.stuck(stuck);
        throw stuck;
      } finally {
        clearTimeout(slow);
      }
    };
  };
  const zfsMany = async (plans: readonly ZfsPlan[]): Promise<boolean> => {
    const [first] = plans;
    if (first === undefined || tools.zfs === null) return false;
    const args = ['-0', '-n', String(first.args.length), '-P', String(parallelInBatch), tools.zfs];
    const input = plans.flatMap((plan) => plan.args.map((argument) => `${argument}\0`)).join('');
    // If there is no xargs, or it does not end, running the commands one by one shows why.
    const answer = await run({ file: xargsFile, args, input, timeoutMs }).catch(() => null);
    return answer?.exitCode === 0;
  };
  const mountTable = (path: string): Promise<CommandResult> =>
    run({ file: mountFile, args: ['--internal-only', '--all', '--fstab', path], timeoutMs });
  const umount = (paths: readonly string[]): Promise<CommandResult> => run({ file: umountFile, args: ['--', ...paths], timeoutMs });
  const mountSnapshot = (snapshot: string, path: string): Promise<CommandResult> =>
    run({ file: mountFile, args: ['--internal-only', '-t', 'zfs', '-o', 'ro', '--', snapshot, path], timeoutMs });
  return { zfs: bind('zfs'), zpool: bind('zpool'), zfsMany, mountTable, mountSnapshot, umount };
}

/** Lets all commands through until one is stuck, and then only those that test whether it works again. */
interface Gate {
  /** Throws the error of the stuck command. */
  readonly enter: () => { readonly ended: () => void; readonly stuck: (error: IsolateError) => void };
  readonly givenUp: (gone: Promise<unknown>) => void;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

function makeGate(): Gate {
  let closed: { readonly error: IsolateError; readonly untilMs: number; readonly pauseMs: number } | null = null;
  let isTried = false;
  let lingering = 0;
  return {
    enter: () => {
      const tries = closed !== null;
      if (closed !== null) {
        if (isTried || lingering > 0 || performance.now() < closed.untilMs) throw closed.error;
        isTried = true;
      }
      return {
        ended: () => {
          // A command that was started before proves nothing.
          if (!tries && closed !== null) return;
          isTried = false;
          closed = null;
        },
        stuck: (error) => {
          if (!tries && closed !== null) return;
          isTried = false;
          const pauseMs = closed === null ? firstPauseMs : Math.min(closed.pauseMs * 2, longestPauseMs);
          closed = { error, pauseMs, untilMs: performance.now() + pauseMs };
        },
      };
    },
    givenUp: (gone) => {
      lingering += 1;
      void gone.finally(() => (lingering -= 1));
    },
  };
}

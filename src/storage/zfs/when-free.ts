import { setTimeout as sleep } from 'node:timers/promises';

import type { CommandResult } from '../../process/command.ts';
import { pausesMs } from '../../process/unmount.ts';
import { classifyZfs } from './classify.ts';
import type { ZfsCommands } from './commands.ts';
import type { ZfsPlan } from './plan.ts';

/** Tries a command that needs its dataset to be unused again for a moment, and returns the last answer. */
export async function runWhenFree(
  { zfs }: Pick<ZfsCommands, 'zfs'>,
  object: string,
  plan: ZfsPlan,
  isInUse = (stderr: string): boolean => classifyZfs(stderr) === 'busy',
): Promise<CommandResult> {
  for (const pauseMs of pausesMs) {
    const answer = await zfs(object, plan);
    if (answer.exitCode === 0 || !isInUse(answer.stderr)) return answer;
    await sleep(pauseMs);
  }
  return await zfs(object, plan);
}

import { once } from 'node:events';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startIsolate } from './isolate.ts';

/**
 * Kills a process that sends `tree` to `file`, which is not there or has this text, while a draft of it is there. One that was
 * quicker than this is started again.
 */
export async function killSend(tree: string, file: string, text?: string): Promise<void> {
  for (;;) {
    rmSync(file, { force: true });
    if (text !== undefined) writeFileSync(file, text);
    const others = readdirSync(dirname(file)).length;
    const sending = startIsolate(['template', 'send', '-q', tree, file]);
    const ended = once(sending, 'exit');
    while (sending.exitCode === null && readdirSync(dirname(file)).length === others) await sleep(2);
    sending.kill('SIGKILL');
    await ended;
    if (sending.signalCode === 'SIGKILL' && statSync(file, { throwIfNoEntry: false })?.size === text?.length) return;
  }
}

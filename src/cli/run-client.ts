import { writeSync } from 'node:fs';

import type { RunVoice } from '../daemon/command-line.ts';
import { reportOf } from '../daemon/client-voice.ts';
import { encodeLaunchRecord } from '../launch/record.ts';
import type { OwnClient } from '../process/own-client.ts';
import type { RunClient } from '../run/run-client.ts';
import { encodeMessage, type Item } from '../wire/frame.ts';

/** The client that started this process, which is told what to say of its run. */
export function runClient({ descriptor, shelf }: OwnClient, voice: RunVoice): RunClient {
  return {
    shelf,
    leaveToNode: () => send(descriptor, encodeMessage('fallback')),
    carryOut: (launch, command) => {
      const record = encodeMessage('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
      return send(descriptor, encodeMessage('report', reportItems(voice, command)), record);
    },
  };
}

function reportItems({ statusDescriptor, lines, ignoredSignals }: RunVoice, command: readonly string[]): readonly Item[] {
  const descriptor = statusDescriptor === null ? [] : [{ name: 'descriptor', value: statusDescriptor } as const];
  return [...descriptor, ...reportOf(lines(command), ignoredSignals)];
}

/**
 * Sends the last messages. The client goes on at once, so this process ends without what Node does at its end: that takes 3 ms, and
 * would give the terminal the modes that it had when Node started.
 */
function send(descriptor: number, ...messages: readonly Buffer[]): never {
  const bytes = Buffer.concat(messages);
  for (let sent = 0; sent < bytes.length;) sent += writeSync(descriptor, bytes, sent);
  process.kill(process.pid, 'SIGKILL');
  throw new Error('This process goes on after SIGKILL.');
}

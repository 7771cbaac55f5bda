/**
 * A client of the daemon that is not isolate: leases tank/debian with high limits, joins the groups itself with a sleeper, and
 * prints `{run, sleeper}`. When its standard input ends so does its lease.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { connectDaemon, refusalOf } from '../../src/client/daemon-connection.ts';
import { type Message, values } from '../../src/wire/frame.ts';
import { parseLeased } from '../../src/run/leased.ts';

function expectMessage(message: Message | null | undefined, name: string): Message {
  if (message?.name === 'refuse') throw refusalOf(message);
  if (message?.name !== name) throw new Error(`The daemon answered with ${message?.name}.`);
  return message;
}

const lease = await connectDaemon();
lease?.send('lease', [
  { name: 'template', value: 'tank/debian' },
  { name: 'wait-ms', value: 30_000 },
  { name: 'engine', value: 'bwrap' },
  { name: 'argument', value: 'true' },
  { name: 'limit', value: 'memoryBytes=999999999999999' },
  { name: 'limit', value: 'pids=999999' },
]);
const [json = ''] = values(expectMessage(await lease?.receive(60_000), 'leased'), 'json');
const run = parseLeased(json, 0).groups?.run ?? '';
const second = await connectDaemon();
second?.send('join', [{ name: 'run', value: run }]);
expectMessage(await second?.receive(60_000), 'joined');
const sleeper = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
await once(sleeper, 'spawn');
process.stdout.write(`${JSON.stringify({ run, sleeper: sleeper.pid })}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
lease?.close();

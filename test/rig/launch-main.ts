/* Runs one launch with the caller's own streams and signals: node launch-main.ts WRAPPING COMMAND [ARG...]. */
import { constants } from 'node:os';

import { type LaunchHandle, startLaunch } from '../../src/process/launch.ts';
import { withForwardedSignals } from '../../src/process/signals.ts';
import { letGoOfTerminal } from '../../src/process/terminal.ts';
import { launcherPath, type Wrapping, wrappedLaunch } from './launches.ts';

const [wrapping, ...command] = process.argv.slice(2) as [Wrapping, string, ...string[]];
let running: LaunchHandle | null = null;
// As in a run, from before the command starts: it may be signalled as soon as it shows anything.
const relay = { forward: (signal: NodeJS.Signals): void => running?.forward(signal) };
const result = await withForwardedSignals(relay, async () => {
  running = await startLaunch(wrappedLaunch(wrapping, command), {
    launcher: await launcherPath(),
    stdio: { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' },
  });
  return await running.result;
});
const status = result.kind === 'exited' ? result.code : result.kind === 'killed' ? 128 + constants.signals[result.signal] : 127;
if (status <= 128) letGoOfTerminal();
process.exit(status);

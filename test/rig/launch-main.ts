/* Runs one launch with the caller's own streams and signals: node launch-main.ts WRAPPING COMMAND [ARG...]. */
import { constants } from 'node:os';

import { startLaunch } from '../../src/process/launch.ts';
import { withForwardedSignals } from '../../src/process/signals.ts';
import { letGoOfTerminal } from '../../src/process/terminal.ts';
import { launcherPath, longGraceMs, type Wrapping, wrappedLaunch } from './launches.ts';

const [wrapping, ...command] = process.argv.slice(2) as [Wrapping, string, ...string[]];
const handle = await startLaunch(wrappedLaunch(wrapping, command, { graceMs: longGraceMs }), {
  launcher: await launcherPath(),
  stdio: { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' },
});
const result = await withForwardedSignals(handle, () => handle.result);
const status = result.kind === 'exited' ? result.code : result.kind === 'killed' ? 128 + constants.signals[result.signal] : 127;
if (status <= 128) letGoOfTerminal();
process.exit(status);

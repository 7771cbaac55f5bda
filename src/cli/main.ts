import { letGoOfTerminal } from '../process/terminal.ts';
import { callerEnvironment } from './caller-environment.ts';
import { runCommandLine } from './command-line.ts';

// Node opens its debugger on SIGUSR1 unless somebody listens; --disable-sigusr1 would keep the signal from the command.
process.on('SIGUSR1', () => {});
restoreEnvironment();
void runCommandLine(process.argv.slice(2)).then((status) => {
  // Where the launcher itself was killed, Node's exit is what gives the terminal its modes back.
  if (status <= 128) letGoOfTerminal();
  process.exit(status);
});

/** Undoes what dist/isolate-node did to the environment, so that the caller's own is what everything sees. */
function restoreEnvironment(): void {
  const caller = callerEnvironment(process.env);
  for (const name of Object.keys(process.env)) {
    if (caller[name] === undefined) {
      delete process.env[name];
    }
  }
  Object.assign(process.env, caller);
}

import { useCallerEnvironment } from '../process/caller-environment.ts';
import { useInheritedDescriptors } from '../process/inherited-descriptors.ts';
import { useOwnClient } from '../process/own-client.ts';
import { letGoOfTerminal } from '../process/terminal.ts';
import { leaveRemovedDirectory } from '../run/working-directory.ts';
import { readCaller } from './caller.ts';
import { runCommandLine } from './command-line.ts';
import { showInProcessList, useTimeZone } from './own-process.ts';

// Node opens its debugger on SIGUSR1 unless somebody listens; --disable-sigusr1 would keep the signal from the command.
process.on('SIGUSR1', () => {});
const caller = readCaller();
useCallerEnvironment(caller.environment);
useInheritedDescriptors(caller.descriptors);
useOwnClient(caller.client);
useTimeZone(caller.environment);
showInProcessList(caller.words);
leaveRemovedDirectory();
// What it makes for itself it has to be able to read again, whatever the umask keeps from others.
process.umask(process.umask(0o077) & 0o077);
void runCommandLine(caller).then((status) => {
  // Where the launcher itself was killed, Node's exit is what gives the terminal its modes back.
  if (status <= 128) letGoOfTerminal();
  process.exit(status);
});

import { useCallerEnvironment } from '../process/caller-environment.ts';
import { useInheritedDescriptors } from '../process/inherited-descriptors.ts';
import { useOwnClient } from '../process/own-client.ts';
import { letGoOfTerminal } from '../process/terminal.ts';
import { leaveRemovedDirectory } from '../run/working-directory.ts';
import { type Caller, readCaller } from './caller.ts';
import { runCommandLine } from './command-line.ts';
import { showInProcessList, useTimeZone } from './own-process.ts';

/** What the program for runs has read already, if it started this one (code-cache.ts). */
declare const handedCaller: Caller | undefined;

// Node opens its debugger on SIGUSR1 unless there is a handler; with --disable-sigusr1 the command would not get the signal.
process.on('SIGUSR1', () => {});
const caller = typeof handedCaller === 'undefined' ? readCaller() : handedCaller;
useCallerEnvironment(caller.environment);
useInheritedDescriptors(caller.descriptors);
useOwnClient(caller.client);
useTimeZone(caller.environment);
showInProcessList(caller.words);
leaveRemovedDirectory();
// isolate must be able to read the files that it makes, whatever the caller's umask.
process.umask(process.umask(0o077) & 0o077);
void runCommandLine(caller).then((status) => {
  // If the launcher itself was killed, Node's exit restores the modes of the terminal.
  if (status <= 128) letGoOfTerminal();
  process.exit(status);
});

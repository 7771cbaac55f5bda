import { type FoundProcess, listProcesses } from './process-tree.ts';

/** The host's ends of machines and the QEMUs that run, of any run. */
export function machineProcesses(): readonly FoundProcess[] {
  return listProcesses().filter(({ command }) => /^(?:isolate-machine|\S*qemu-system-x86_64) /.test(command));
}

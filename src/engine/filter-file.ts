import type { HostFacts } from '../host/facts.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** The file of the system-call filter that a run gets where the filter is isolate's own. */
export function filterFile({ socketcall }: SandboxSpec, { files }: HostFacts): string {
  return socketcall ? files.socketcallFilter : files.seccompFilter;
}

import type { Facts } from '../host/facts.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** The file of the system-call filter that a run gets where the filter is isolate's own. */
export function filterFile({ socketcall }: SandboxSpec, { files }: Facts): string {
  return socketcall ? files.socketcallFilter : files.seccompFilter;
}

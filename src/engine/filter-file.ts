import type { Facts } from '../host/facts.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** The file of the system-call filter that isolate itself gives a run. */
export function filterFile({ socketcall }: SandboxSpec, { files }: Facts): string {
  return socketcall ? files.socketcallFilter : files.seccompFilter;
}

import type { RunDescription } from '../pool/claims/runs.ts';
import { rootName } from '../spec/root-ref.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** What `isolate ps` shows about a run; `clone` is null for a run on the template itself. */
export function describeRun({ root, engine, command }: SandboxSpec, clone: string | null, uid: number, sinceMs: number): RunDescription {
  return { template: rootName(root), clone, engine, command, uid, sinceMs };
}

import type { RunDescription } from '../pool/claims/runs.ts';
import { rootName } from '../spec/root-ref.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** What `isolate ps` shows about a run; the clone's `id` is null for a run on the template itself. */
export function describeRun(
  { root, engine, command }: SandboxSpec,
  { id, session }: { readonly id: string | null; readonly session?: string },
  uid: number,
  sinceMs: number,
): RunDescription {
  return { template: rootName(root), clone: id, engine, command, uid, ...(session === undefined ? {} : { session }), sinceMs };
}

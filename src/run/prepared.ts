import type { Engine } from '../engine/engine.ts';
import type { Facts } from '../host/facts.ts';
import type { SandboxSpec, WantedSpec } from '../spec/spec.ts';

/** The spec and the facts, complete before anything is touched. */
export interface Prepared {
  readonly spec: WantedSpec;
  readonly engine: Engine;
  readonly facts: Facts;
}

/** The same when the template has been looked at. */
export interface Completed extends Omit<Prepared, 'spec'> {
  readonly spec: SandboxSpec;
}

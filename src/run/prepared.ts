import type { Engine } from '../engine/engine.ts';
import type { Facts } from '../host/facts.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** The spec and the facts, complete before anything is touched. */
export interface Prepared {
  readonly spec: SandboxSpec;
  readonly engine: Engine;
  readonly facts: Facts;
}

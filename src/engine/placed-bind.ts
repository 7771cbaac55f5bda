import type { HostFacts, PathFacts } from '../host/facts.ts';
import type { Bind } from '../spec/spec.ts';

/** A bind with the path to bind from. */
export interface PlacedBind extends Pick<Bind, 'target' | 'readOnly'> {
  readonly source: string;
  readonly kind: PathFacts['kind'];
}

/** What a bind shows; null: nothing is there, or nothing that its caller can see. */
export function bindKind({ source }: Bind, { paths }: Pick<HostFacts, 'paths'>): PathFacts['kind'] | null {
  return paths[source]?.kind ?? null;
}

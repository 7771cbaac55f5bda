import type { Bind } from './spec.ts';

/** What a bind shows, for messages. */
export function describeSource({ source }: Bind): string {
  return source;
}

/** The paths of the host that binds show. */
export function hostSources(binds: readonly Bind[]): readonly string[] {
  return binds.map(({ source }) => source);
}

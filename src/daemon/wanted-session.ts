import type { Keeping } from '../spec/spec.ts';

/** What a client wants of a session: to go on in one, or to keep its clone as one. */
export type WantedSession = { readonly kind: 'enter'; readonly name: string } | { readonly kind: 'keep'; readonly keeping: Keeping };

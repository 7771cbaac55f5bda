import type { Keeping } from '../spec/spec.ts';

/** What a client wants of a session: to go on in one or, if it `looks`, only to read and write its files; or to keep its clone as one. */
export type WantedSession =
  | { readonly kind: 'enter'; readonly name: string; readonly looks: boolean }
  | { readonly kind: 'keep'; readonly keeping: Keeping };

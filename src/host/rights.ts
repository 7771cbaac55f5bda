/**
 * What a caller may do for its sandboxes: all that root may, or what any user may, which the daemon may add to. Decided once,
 * where the caller is met.
 */
export type Rights = 'root' | 'user';

export function rightsOf(uid: number): Rights {
  return uid === 0 ? 'root' : 'user';
}

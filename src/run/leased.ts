import type { GivenGroups } from '../engine/engine.ts';
import { IsolateError } from '../error.ts';
import type { IdMaps } from '../rootfs/rootfs.ts';
import type { TemplateDefaults } from '../spec/template-record.ts';
import type { RootView } from './look-into-root.ts';

/**
 * What a user other than root is told about a clone. Its tree comes as a mount, in answer to `mount`, with a user namespace with these
 * maps.
 */
export interface Leased extends IdMaps {
  /** Of the clone: decimal digits. */
  readonly id: string;
  /** The run that the daemon has claimed for it; absent: a daemon of an earlier version does not say. */
  readonly run?: string;
  /** Where the daemon has it mounted, for messages: the client itself cannot get there. */
  readonly path: string;
  readonly view: RootView;
  /** The session that the clone is of; absent: of none. */
  readonly session?: string;
  /** What the clone was made of, if that was asked for: another tree, with the same ids. */
  readonly base?: GivenBase;
  /** Present if limits were requested. They are made with `join`, which names the run. */
  readonly groups?: GivenGroups;
}

/** The tree of which a clone was made. */
export interface GivenBase {
  /** As `path` above. */
  readonly path: string;
  /** As in `ChangedTrees`. */
  readonly sameInodesSinceMs: number | null;
}

/** The JSON of a message `leased`. */
export function formatLeased({ view: { defaults, ...view }, ...leased }: Leased): string {
  // As text, because the template may have anything in them.
  return JSON.stringify({ ...leased, view, defaults: JSON.stringify(defaults) }, (_name, value: unknown) =>
    value instanceof IsolateError ? { refused: value.message } : value,
  );
}

/** The inverse of `formatLeased`, for `count` targets. Throws `daemon-failed` if a daemon of another version sends something else. */
export function parseLeased(text: string, count: number): Leased {
  try {
    const { defaults, ...leased } = JSON.parse(text, (_name, value: unknown) => refusalIn(value) ?? value) as Leased & {
      readonly defaults: string;
    };
    const { id, path, view, uidMap, gidMap } = leased;
    const isWhole = view.targets.length === count && Array.isArray(view.mountpoints.missing) && uidMap.length > 0 && gidMap.length > 0;
    if (isWhole && typeof id === 'string' && typeof path === 'string')
      return { ...leased, view: { ...view, defaults: JSON.parse(defaults) as TemplateDefaults } };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw new IsolateError('daemon-failed', 'The daemon described the clone in a malformed message.');
}

function refusalIn(value: unknown): IsolateError | null {
  const { refused } = (value ?? {}) as { readonly refused?: unknown };
  return typeof refused === 'string' ? new IsolateError('bad-bind', refused) : null;
}

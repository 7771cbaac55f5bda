import type { StoredOwnership } from '../rootfs/rootfs.ts';
import type { IsolateError } from '../error.ts';
import type { TemplateRecord } from '../spec/template-record.ts';
import type { TemplateRef } from './template-ref.ts';

/** A state of a template that was kept, written `TEMPLATE@LABEL`. */
export interface Snapshot {
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

/** A template as its storage knows it. */
export interface TemplateInfo {
  readonly ref: TemplateRef;
  readonly storage: 'zfs' | 'directory';
  /** Milliseconds since 1970; null: unknown. */
  readonly createdMs: number | null;
  /** What the tree and its snapshots take up on disk. */
  readonly sizeBytes: number;
  /** Oldest first. */
  readonly snapshots: readonly Snapshot[];
  /** How many clones there are in each state; of a directory only those that runs have. */
  readonly clones: Readonly<Record<'fresh' | 'leased' | 'retired', number>>;
  /** null: it has none. Or why it cannot be used. */
  readonly record: TemplateRecord | IsolateError | null;
}

/** A new tree that is filled under a name of its own, out of other users' reach, until it becomes a template. */
export interface Draft {
  /** The directory to be filled. It exists, and is empty and private. */
  readonly root: string;
  /** Whose files `root` is made for: its owner is this ownership's root. */
  readonly ownership: StoredOwnership;
  /** Whether `root` can be mounted idmapped. */
  readonly idmappable: boolean;
  /** What messages call the place that has or lacks space for it: a directory or a dataset. */
  readonly storage: string;
  /**
   * Makes it the template, whole or not at all. Storage that clones snapshots keeps its state as the snapshot `label` at the same time.
   * Throws `template-exists` if there is one by now.
   */
  readonly commit: (label: string) => Promise<void>;
  /** Removes it; nothing is left. Also after a failed commit. */
  readonly discard: () => Promise<void>;
}

/** A new state of a template, which is filled under a name of its own, out of other users' reach. */
export interface Replacement extends Omit<Draft, 'commit'> {
  /** The template has this state from now on, all at once. A snapshot keeps the state before. */
  readonly commit: () => Promise<RolledBack>;
}

/** The tree of a template while it can be changed. */
export interface OpenTree {
  readonly path: string;
  readonly ownership: StoredOwnership;
  readonly close: () => Promise<void>;
}

/** What became of the state before. */
export interface RolledBack {
  /** The snapshot that keeps the state before; null: an older one does, or nothing differed. */
  readonly kept: Snapshot | null;
}

/** Makes all of a template's changes in a copy, or undoes them. */
export interface Attempt {
  /** The tree to be changed. */
  readonly tree: OpenTree;
  /** The template has the changes from now on, all at once. */
  readonly succeed: () => Promise<void>;
  /** The template is as it was before. */
  readonly fail: () => Promise<void>;
}

/**
 * Where one template is or will be. All members throw only IsolateError: `template-missing` where there is no template. Those that change
 * it are called while this process holds the template's lock (`changeTemplate`); `begin` needs none.
 */
export interface TemplateStore {
  readonly ref: TemplateRef;
  /** null: there is no such template. */
  readonly describe: () => Promise<TemplateInfo | null>;
  /** Begins a new template. Throws `template-exists`. */
  readonly begin: () => Promise<Draft>;
  /** Oldest first. */
  readonly snapshots: () => Promise<readonly Snapshot[]>;
  /** Keeps the present state. Throws `template-exists` if it has a snapshot of this label. */
  readonly snapshot: (label: string) => Promise<Snapshot>;
  /** Throws `snapshot-missing`, and `template-busy` for one that something is made from. */
  readonly removeSnapshot: (label: string) => Promise<void>;
  /** Goes back to a snapshot, and keeps the state before it as another. Throws `snapshot-missing`. */
  readonly rollback: (label: string) => Promise<RolledBack>;
  /** Gives it and its snapshots another name in the same storage. Throws `template-exists`, `template-busy`. */
  readonly rename: (to: TemplateRef) => Promise<void>;
  /** Removes it with its snapshots. Throws `template-busy` while something runs on it. */
  readonly remove: () => Promise<void>;
  /** Its tree, to be changed. */
  readonly open: () => Promise<OpenTree>;
  /** Its tree, to be changed completely or not at all. Throws the reason of `signal` while it is being copied. */
  readonly attempt: (signal?: AbortSignal) => Promise<Attempt>;
  /** Begins an empty new state of it. Throws `template-busy` where runs keep the state before from being moved. */
  readonly replace: () => Promise<Replacement>;
}

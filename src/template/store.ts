import type { StoredOwnership } from '../rootfs/rootfs.ts';
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
}

/** A new tree that is filled under a name of its own, out of other users' reach, until it becomes a template. */
export interface Draft {
  /** The directory to be filled. It exists, and is empty and private. */
  readonly root: string;
  /** Whose files `root` is made for: its owner is this ownership's root. */
  readonly ownership: StoredOwnership;
  /** Whether `root` can be mounted idmapped. */
  readonly idmappable: boolean;
  /** Makes it the template, whole or not at all. Throws `template-exists` if there is one by now. */
  readonly commit: () => Promise<void>;
  /** Removes it; nothing is left. Also after a failed commit. */
  readonly discard: () => Promise<void>;
}

/** The tree of a template while it can be changed. */
export interface OpenTree {
  readonly path: string;
  readonly ownership: StoredOwnership;
  readonly close: () => Promise<void>;
}

/**
 * Where one template is or will be. All members throw only IsolateError: `template-missing` where there is no template, `template-busy`
 * while another process changes it.
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
  /** Goes back to a snapshot. Throws `snapshot-missing`. */
  readonly rollback: (label: string) => Promise<void>;
  /** Gives it and its snapshots another name in the same storage. Throws `template-exists`. */
  readonly rename: (to: TemplateRef) => Promise<void>;
  /** Removes it with its snapshots. */
  readonly remove: () => Promise<void>;
  /** Its tree, to be changed. */
  readonly open: () => Promise<OpenTree>;
}

import { basename, dirname, join } from 'node:path';
import { formatHolder, type HolderId, parseHolder } from '../../pool/holder.ts';
import { whyNotLabel } from '../label.ts';

/** The tree in each directory beside a template: drafts, snapshots and what is to be removed. */
export const treeName = 'tree';

/**
 * What lies beside a template directory. All but locks and moves are directories that only their owner can enter, with the tree in
 * them, so that other users cannot reach its set-uid programs.
 */
export type Beside =
  /** Being filled by the holder. */
  | { readonly kind: 'draft'; readonly of: string; readonly holder: HolderId }
  | { readonly kind: 'snapshot'; readonly of: string; readonly label: string }
  /** To be exchanged by the holder for the template, which then is the snapshot. `inode` is that of the new tree, and says which it is. */
  | { readonly kind: 'swap'; readonly of: string; readonly label: string; readonly inode: number; readonly holder: HolderId }
  /** To be removed when nothing uses it any more. */
  | { readonly kind: 'old'; readonly of: string }
  /**
   * Says what the holder is doing with the template and its snapshots, one after the other: a symbolic link to the new name, or `removal`.
   * A link is complete from the first, and needs no space of a file.
   */
  | { readonly kind: 'move'; readonly of: string; readonly holder: HolderId };

/** Where the link of a move leads that is a removal; a template's path is longer. */
export const removal = '.';

/** Where the things beside a template are. */
export interface DirectoryLayout {
  readonly path: string;
  readonly parent: string;
  readonly name: string;
  readonly lock: string;
  readonly draft: (random: string, holder: HolderId) => string;
  readonly snapshot: (label: string) => string;
  readonly swap: (label: string, inode: number, holder: HolderId) => string;
  readonly old: (random: string) => string;
  readonly move: (holder: HolderId) => string;
}

export function directoryLayout(path: string): DirectoryLayout {
  const [parent, name] = [dirname(path), basename(path)];
  return {
    path,
    parent,
    name,
    lock: join(parent, `.${name}.lock`),
    draft: (random, holder) => join(parent, `.${name}.new-${random}.${formatHolder(holder)}`),
    snapshot: (label) => join(parent, `.${name}@${label}`),
    swap: (label, inode, holder) => join(parent, `.${name}@${label}.swap-${inode}.${formatHolder(holder)}`),
    old: (random) => join(parent, `.${name}.old-${random}`),
    move: (holder) => join(parent, `.${name}.move.${formatHolder(holder)}`),
  };
}

/** What an entry of a template's parent is; null: it is not isolate's. */
export function parseBeside(entry: string): Beside | null {
  const [, draftOf, draftHolder] = /^\.(.+)\.new-[0-9a-f]{16}\.(.+)$/.exec(entry) ?? [];
  if (draftOf !== undefined) return withHolder('draft', draftOf, draftHolder);
  const [, moveOf, moveHolder] = /^\.(.+)\.move\.(.+)$/.exec(entry) ?? [];
  if (moveOf !== undefined) return withHolder('move', moveOf, moveHolder);
  const [, oldOf] = /^\.(.+)\.old-[0-9a-f]{16}$/.exec(entry) ?? [];
  if (oldOf !== undefined) return { kind: 'old', of: oldOf };
  const [, swapOf, swapLabel = '', inode, swapHolder] = /^\.(.+)@([^@]+)\.swap-(\d+)\.(.+)$/.exec(entry) ?? [];
  const holder = parseHolder(swapHolder ?? '');
  if (swapOf !== undefined && holder !== null) return { kind: 'swap', of: swapOf, label: swapLabel, inode: Number(inode), holder };
  const [, of, label] = /^\.(.+)@([^@]+)$/.exec(entry) ?? [];
  return of === undefined || label === undefined || whyNotLabel(label) !== null ? null : { kind: 'snapshot', of, label };
}

function withHolder(kind: 'draft' | 'move', of: string, text: string | undefined): Beside | null {
  const holder = parseHolder(text ?? '');
  return holder === null ? null : { kind, of, holder };
}

/** What a file is, as far as one directory entry tells. */
export type FileKind = 'file' | 'directory' | 'link' | 'block-device' | 'character-device' | 'pipe' | 'socket';

/** One side of a change. */
export interface FileState {
  readonly kind: FileKind;
  /** Permissions with set-uid, set-gid and the sticky bit. */
  readonly mode: number;
  /** As the sandbox's root sees them; null: the id is none of the sandbox's. */
  readonly uid: number | null;
  readonly gid: number | null;
  readonly sizeBytes: number;
  /** Nanoseconds since 1970. */
  readonly modifiedNs: bigint;
  /** Of a device. */
  readonly device: { readonly major: number; readonly minor: number };
  readonly inode: bigint;
  readonly links: number;
  /** Of a symbolic link, as bytes; otherwise null. */
  readonly target: BytePath | null;
}

/**
 * A path from the root, without a slash at its beginning; `.` is the root. Each character is one byte, because names are bytes:
 * `showPath` makes text of it.
 */
export type BytePath = string;

/** The columns of snapper(8), in its order. */
export type ChangeKind = 'added' | 'deleted' | 'content' | 'type' | 'mode' | 'owner' | 'group' | 'attributes' | 'acl';

/** An extended attribute that differs; null: that side lacks it. Of a long value the first 4096 bytes. */
export interface AttributeChange {
  readonly name: string;
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

/** What is different at one path. */
export interface Change {
  readonly path: BytePath;
  /** Not empty. */
  readonly kinds: readonly ChangeKind[];
  /** null: there was nothing. */
  readonly before: FileState | null;
  /** null: there is nothing any more. */
  readonly after: FileState | null;
  readonly attributes: readonly AttributeChange[];
  /** Where the file was before, if it was moved; then `before` is what it was there. */
  readonly movedFrom?: BytePath;
}

/** One entry of an id map: `count` ids from `inside` are `outside` and the following (user_namespaces(7)). */
export interface IdMapEntry {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** The id maps of a user namespace. */
export interface IdMaps {
  readonly uidMap: readonly IdMapEntry[];
  readonly gidMap: readonly IdMapEntry[];
}

/** How the files of a tree are owned where it lies. */
export type Ownership =
  /** As in any Linux system: root's files belong to 0. */
  | { readonly kind: 'natural' }
  /** Shifted by a base: root's files belong to `uidBase`/`gidBase`. */
  | { readonly kind: 'shifted'; readonly uidBase: number; readonly gidBase: number }
  /** A user namespace with these maps shows their natural owners. */
  | ({ readonly kind: 'mapped' } & IdMaps);

/** How storage makes a clone: for one user's maps it is changed later. */
export type StoredOwnership = Exclude<Ownership, { readonly kind: 'mapped' }>;

/** A directory of this host that is shown as it is. */
export interface TreePart {
  readonly kind: 'tree';
  readonly source: string;
  readonly ownership: Ownership;
  /** Its file system can be mounted idmapped (mount_setattr(2)). */
  readonly idmappable: boolean;
}

/** A directory of this host that stays as it is, below a layer that takes the changes: merged in the sandbox's own mount namespace. */
export interface OverlayPart {
  readonly kind: 'overlay';
  readonly lower: string;
  /** Holds `upper` and `work`, and the empty `merged`, where launches of plain users merge them. */
  readonly upperParent: string;
  /** Of both layers: an overlay itself cannot be mounted idmapped, its layers can. */
  readonly ownership: Ownership;
  readonly idmappable: { readonly lower: boolean; readonly upper: boolean };
}

/** A tree that the launcher gets from the daemon as a mount. One whose owners are mapped comes with its user namespace. */
export interface GivenPart {
  readonly kind: 'given';
  /** What messages and hooks call it: where the daemon has the clone. */
  readonly name: string;
  readonly ownership: Ownership;
  /** As in `TreePart`. */
  readonly idmappable: boolean;
}

export type RootPart = TreePart | OverlayPart | GivenPart;

/** The tree a sandbox sees as /, as its lease hands it over: its parts in the order they are mounted, the first at /. */
export interface Rootfs {
  readonly parts: readonly [RootPart];
}

/** A rootfs of one part. */
export function rootfsOf(part: RootPart): Rootfs {
  return { parts: [part] };
}

/** The directory of this host that a rootfs shows before anything is changed in it. */
export function sourceOf({ parts: [part] }: Rootfs): string {
  switch (part.kind) {
    case 'tree':
      return part.source;
    case 'overlay':
      return part.lower;
    case 'given':
      return part.name;
  }
}

/** The directory of this host where a rootfs is, or is to be merged. */
export function placeOf({ parts: [part] }: Rootfs): string {
  return part.kind === 'overlay' ? mergedPath(part) : sourceOf({ parts: [part] });
}

/** Where the layers of an overlay are merged for those who have no place of their own for it. */
export function mergedPath({ upperParent }: OverlayPart): string {
  return `${upperParent}/merged`;
}

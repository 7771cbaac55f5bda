/** One entry of an id map: `count` ids from `inside` map to those from `outside` (user_namespaces(7)). */
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

/** How the files of a tree are owned in storage. */
export type Ownership =
  /** As in any Linux system: root's files belong to 0. */
  | { readonly kind: 'natural' }
  /** Shifted by a base: root's files belong to `uidBase`/`gidBase`. */
  | { readonly kind: 'shifted'; readonly uidBase: number; readonly gidBase: number }
  /** A user namespace with these maps shows their natural owners. */
  | ({ readonly kind: 'mapped' } & IdMaps);

/** What can be seen of a tree from its root directory. */
export type StoredOwnership = Exclude<Ownership, { readonly kind: 'mapped' }>;

/** Owners that files get in storage that cannot be mounted with other ids. */
export type ChangedOwnership = Exclude<Ownership, { readonly kind: 'natural' }>;

/** A directory of this host that is shown directly. */
export interface TreePart {
  readonly kind: 'tree';
  readonly source: string;
  readonly ownership: Ownership;
  /** Its file system can be mounted idmapped (mount_setattr(2)). */
  readonly idmappable: boolean;
}

/**
 * A directory of this host that does not change, below a layer that takes the changes; they are merged in the sandbox's own mount
 * namespace.
 */
export interface OverlayPart {
  readonly kind: 'overlay';
  readonly lower: string;
  /** Contains `upper`, `work` and the empty `merged`, on which launches of plain users merge them. */
  readonly upperParent: string;
  /** For both layers: an overlay itself cannot be mounted idmapped, but its layers can. */
  readonly ownership: Ownership;
  readonly idmappable: { readonly lower: boolean; readonly upper: boolean };
}

/** A tree that the launcher gets as a mount, from the daemon or the shelf. One whose owners are mapped comes with its user namespace. */
export interface GivenPart {
  readonly kind: 'given';
  /** Its name for messages and hooks: where it would be mounted on the host. */
  readonly name: string;
  readonly ownership: Ownership;
  /** As in `TreePart`. */
  readonly idmappable: boolean;
}

export type RootPart = TreePart | OverlayPart | GivenPart;

/** The tree that a sandbox sees as /, as its lease provides it: the parts in the order in which they are mounted, the first at /. */
export interface Rootfs {
  readonly parts: readonly [RootPart];
}

/** A rootfs of one part. */
export function rootfsOf(part: RootPart): Rootfs {
  return { parts: [part] };
}

/** A tree that is not mounted on the host, with its own ids. */
export function givenPart({ source, ownership, idmappable }: TreePart): GivenPart {
  return { kind: 'given', name: source, ownership, idmappable };
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

/** The directory of this host where a rootfs is or will be merged. */
export function placeOf({ parts: [part] }: Rootfs): string {
  return part.kind === 'overlay' ? mergedPath(part) : sourceOf({ parts: [part] });
}

/** Where the layers of an overlay are merged if the launch has no place of its own for that. */
export function mergedPath({ upperParent }: OverlayPart): string {
  return `${upperParent}/merged`;
}

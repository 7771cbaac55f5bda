import { runTreeCommand, type TreeCommand } from '../tree-command.ts';

/** A subvolume. `nested`: the path of one below it; null: there is none. */
export interface Subvolume {
  readonly uuid: string;
  readonly nested: string | null;
}

/** The subvolumes at these paths; null: there is none. Throws `storage-failed`. */
export async function readSubvolumes(command: TreeCommand, paths: readonly string[]): Promise<readonly (Subvolume | null)[]> {
  if (paths.length === 0) return [];
  const found = await runTreeCommand(command, ['subvolumes', ...paths], 'The subvolumes cannot be read');
  return found.map((text) => {
    const [, uuid, nested] = /^([0-9a-f]{32})(?: (.*))?$/s.exec(text) ?? [];
    return uuid === undefined ? null : { uuid, nested: nested ?? null };
  });
}

/** Makes two snapshots in a directory: `base`, which is read-only, and of that another one. Throws `storage-failed`. */
export async function snapshotTwice(
  command: TreeCommand,
  { from, directory, base, name }: Readonly<Record<'from' | 'directory' | 'base' | 'name', string>>,
): Promise<void> {
  await runTreeCommand(command, ['snapshot', from, directory, base, name], `A snapshot of ${from} cannot be made`);
}

/**
 * Removes subvolumes in a directory that have these UUIDs, and those below them. What it returns its caller may not remove as
 * subvolumes, but as directories, in this order. Throws `storage-failed`.
 */
export async function dropSubvolumes(
  command: TreeCommand,
  directory: string,
  known: readonly { readonly uuid: string; readonly name: string }[],
): Promise<readonly string[]> {
  if (known.length === 0) return [];
  const words = known.flatMap(({ uuid, name }) => [uuid, name]);
  return await runTreeCommand(command, ['drop', directory, ...words], `The snapshots in ${directory} cannot be removed`);
}

import type { Change, FileState } from '../change.ts';
import { nameOf } from '../paths.ts';
import { showAbsolutePath, showPath } from '../show-path.ts';
import { kindName, showDevice, showMode } from '../words.ts';

/** `/etc/fstab`, with what happened if it isn't there any more. */
export function pathItem({ path, after }: Change): string {
  return `${showAbsolutePath(path)}${after === null ? ' (deleted)' : ''}`;
}

/** `pathItem` with where a link leads. */
export function linkItem(change: Change): string {
  const target = change.after?.target ?? null;
  return target === null ? pathItem(change) : `${pathItem(change)} → ${showPath(target)}`;
}

/** `pathItem` with the owner of a program. */
export function ownedItem(change: Change): string {
  const { after } = change;
  return `${pathItem(change)}${after === null ? '' : ` (${idOf('uid', after.uid)}, ${idOf('gid', after.gid)})`}`;
}

/** `pathItem` with who had it and who has it. */
export function ownersItem(change: Change): string {
  const { before, after } = change;
  if (before === null || after === null) return ownedItem(change);
  const ids = [
    ...(before.uid === after.uid ? [] : [`${idOf('uid', before.uid)} → ${idOf('uid', after.uid)}`]),
    ...(before.gid === after.gid ? [] : [`${idOf('gid', before.gid)} → ${idOf('gid', after.gid)}`]),
  ];
  return `${pathItem(change)}${ids.length === 0 ? '' : ` (${ids.join(', ')})`}`;
}

/** `pathItem` with the permissions that it had and has. */
export function modesItem(change: Change): string {
  const { before, after } = change;
  const modes = [before, after].flatMap((state) => (state === null ? [] : [showMode(state.mode)]));
  return `${pathItem(change)} (${[...new Set(modes)].join(' → ')})`;
}

/** `pathItem` with what it was and is. */
export function kindsItem(change: Change): string {
  const { before, after } = change;
  return `${pathItem(change)} (${nameKind(before)} → ${nameKind(after)})`;
}

function nameKind(state: FileState | null): string {
  return state === null ? 'nothing' : kindName(state.kind);
}

/** `pathItem` with the numbers of a device. */
export function deviceItem(change: Change): string {
  const { after } = change;
  return after === null ? pathItem(change) : `${pathItem(change)} (${kindName(after.kind)} ${showDevice(after)})`;
}

/** What a link in a directory of a service manager is for: `ssh`, whatever starts it. */
export function serviceItem({ path }: Change): string {
  return showPath(
    nameOf(path)
      .replace(/\.service$/, '')
      .replace(/^[SK][0-9][0-9](?=.)/, ''),
  );
}

export function unitItem({ path }: Change): string {
  return showPath(nameOf(path));
}

function idOf(kind: 'uid' | 'gid', id: number | null): string {
  if (id === null) return `a ${kind} outside the sandbox`;
  return id === 0 && kind === 'uid' ? 'root' : `${kind} ${id}`;
}

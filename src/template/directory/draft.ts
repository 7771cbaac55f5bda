import { chownSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import { canIdmap } from '../../host/path-facts.ts';
import { readDirectory } from '../../pool/read-directory.ts';
import { makeDirectories } from '../../process/make-directories.ts';
import { ownershipOf } from '../../storage/directory.ts';
import type { TemplateContext } from '../context.ts';
import { makeRandom } from '../../process/random.ts';
import { makeIn } from '../no-space.ts';
import type { Draft } from '../store.ts';
import { discardTree } from '../trees.ts';
import { type DirectoryLayout, directoryLayout, parseBeside, treeName } from './layout.ts';

/** Makes an empty draft beside the template that it becomes. Throws `template-exists`. */
export function beginDraft(context: TemplateContext, layout: DirectoryLayout): Draft {
  refuseExisting(layout);
  makeDirectories(layout.parent, 0o700);
  const { wrapper, ...draft } = makeEmptyTree(context, layout);
  return {
    ...draft,
    commit: async () => {
      context.checkpoint('create:before-commit');
      publish(layout, draft.root);
      context.checkpoint('create:committed');
      rmdirSync(wrapper);
    },
  };
}

/** An empty tree beside the template, in a directory of its own. */
export function makeEmptyTree(context: TemplateContext, layout: DirectoryLayout): Omit<Draft, 'commit'> & { readonly wrapper: string } {
  const wrapper = makeWrapper(context, layout);
  const root = join(wrapper, treeName);
  try {
    makeIn(layout.parent, 'directory', () => mkdirSync(root, { mode: 0o755 }));
  } catch (error) {
    rmdirSync(wrapper);
    throw error;
  }
  const idmappable = canIdmap(root, statSync(root));
  const { rights, sandboxUids, sandboxGids } = context.facts.user;
  if (rights === 'root' && !idmappable) chownSync(root, sandboxUids.start, sandboxGids.start);
  const discard = (): Promise<void> => discardTree(context, wrapper);
  return { wrapper, root, ownership: ownershipOf(statSync(root)), idmappable, storage: layout.parent, discard };
}

/** A private directory for a tree beside the template, which a later sweep removes if this process dies. */
function makeWrapper({ holder }: TemplateContext, layout: DirectoryLayout): string {
  const wrapper = layout.draft(makeRandom(), holder);
  makeIn(layout.parent, 'directory', () => mkdirSync(wrapper, { mode: 0o700 }));
  return wrapper;
}

/** Calls `action` with a directory of `makeWrapper`, which goes with what is in it if the action fails. */
export async function inWrapper<T>(context: TemplateContext, layout: DirectoryLayout, action: (wrapper: string) => Promise<T>): Promise<T> {
  const wrapper = makeWrapper(context, layout);
  try {
    return await action(wrapper);
  } catch (error) {
    await discardTree(context, wrapper);
    throw error;
  }
}

/** Renames a whole tree to its final name. Throws `template-exists`. */
function publish({ path }: DirectoryLayout, root: string): void {
  try {
    // rename(2) replaces an empty directory, and nothing else.
    renameSync(root, path);
  } catch (cause) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
    throw templateExists(path);
  }
}

/** Throws `template-exists` unless there is nothing, or an empty directory, and no snapshot, which would become one of another template. */
export function refuseExisting({ path }: Pick<DirectoryLayout, 'path'>): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && !(stats.isDirectory() && readdirSync(path).length === 0)) throw templateExists(path);
  const { parent, name } = directoryLayout(path);
  const left = readDirectory(parent).find((entry) => {
    const beside = parseBeside(entry);
    return beside?.kind === 'snapshot' && beside.of === name;
  });
  if (left === undefined) return;
  throw new IsolateError('template-exists', `There is no template ${path} any more, but ${join(parent, left)} is a snapshot of one.`, {
    hint: 'choose another name, or remove the snapshot',
  });
}

function templateExists(path: string): IsolateError {
  return new IsolateError('template-exists', `There is already something at ${path}.`, {
    hint: `choose another name, or remove it first: isolate template remove ${path}`,
  });
}

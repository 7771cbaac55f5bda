import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { IsolateError } from '../../error.ts';
import type { MountEntry } from '../../host/mountinfo.ts';
import { readMounts } from '../../host/read-mounts.ts';
import { findWriterAbove } from '../../host/writers-above.ts';
import { locate } from '../holders.ts';
import { type CloneLayout, cloneLayout, directoryKey } from './layout.ts';
import { readBeside } from './note.ts';

/** Where clones are that must be on the file system of their template. */
export interface CloneHome {
  /** Of the clones of one template. */
  readonly directory: string;
  /** Where the state directory says that there are clones of the template. */
  readonly noted: string;
  /** The directory above, which one pid namespace uses at a time. */
  readonly shared: string;
}

/**
 * The home of a template's clones of one kind: below the state directory if that is on the template's file system, otherwise beside the
 * template. Throws `cannot-enforce` if no directory beside it will do, `template-missing` if the clones are noted to be in one that is gone.
 */
export function findHome(kind: 'btrfs' | 'dir', template: string, stateDirectory: string): CloneHome {
  const mounts = readMounts();
  const device = deviceOf(mounts, template);
  const own = join(stateDirectory, kind);
  const noted = join(own, directoryKey(template));
  refuseAbsent(template, noted);
  if (deviceOf(mounts, own) === device) return { directory: noted, noted, shared: own };
  const parent = dirname(template);
  if (deviceOf(mounts, parent) !== device) {
    throw new IsolateError('cannot-enforce', `${template} is a whole file system, so there is no place for clones beside it.`, {
      hint: 'move the template to a directory of that file system, or use --storage overlay',
    });
  }
  const uid = process.getuid?.() ?? 0;
  const shared = join(parent, `.${basename(template)}.clones${uid === 0 ? '' : `-${uid}`}`);
  checkOwn(shared, uid);
  return { directory: join(shared, kind), noted, shared };
}

/**
 * Throws `template-missing` where the clones are noted to be beside a template that is not there: its file system is not mounted, and
 * nobody may take that for a template without clones.
 */
function refuseAbsent(template: string, noted: string): void {
  const beside = existsSync(template) ? null : readBeside(noted);
  if (beside === null || existsSync(beside)) return;
  throw new IsolateError('template-missing', `The clones of ${template} are in ${beside}, which is not there.`, {
    hint: `mount its file system; if it is gone for good, remove ${noted}`,
  });
}

/** The layout in the home. Throws as above. */
export function homeLayout(kind: 'btrfs' | 'dir', template: string, stateDirectory: string): CloneLayout {
  const { directory, noted } = findHome(kind, template, stateDirectory);
  return cloneLayout(directory, noted);
}

/** Nobody else may put anything in the place of the clones, because whole trees are removed there. */
function checkOwn(shared: string, uid: number): void {
  const writer = findWriterAbove(shared, uid);
  if (writer !== null) throw unsafe(shared, `${writer.who} can write to ${writer.path}`);
  const stats = lstatSync(shared, { throwIfNoEntry: false });
  if (stats === undefined || (stats.isDirectory() && stats.uid === uid && (stats.mode & 0o022) === 0)) return;
  throw unsafe(shared, 'something else is there');
}

function unsafe(shared: string, reason: string): IsolateError {
  return new IsolateError('cannot-enforce', `Clones cannot be kept in ${shared}: ${reason}.`, {
    hint: 'move the template to a directory that only you can write to, or use --storage overlay',
  });
}

/** The device of the file system that a path is on, or will be on when it is made. Subvolumes of btrfs have the same one here. */
function deviceOf(mounts: readonly MountEntry[], path: string): string | undefined {
  return locate(mounts, realpathSync(nearest(path)))?.device;
}

/** The directory itself or, if it does not exist yet, the one that it will be made in. */
export function nearest(path: string): string {
  return path === '/' || existsSync(path) ? path : nearest(dirname(path));
}

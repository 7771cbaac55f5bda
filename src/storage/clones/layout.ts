import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';

/** The names of a clone's directory: while it is being made, exists, and is being removed. */
export type CloneStage = 'new' | 'live' | 'gone';

/** Where the clones of one template are that are directories. */
export interface CloneLayout {
  /** Directory of all clones of one template. */
  readonly directory: string;
  /** Directory below the state of its user that says for which template there is the other one, which may be the same. */
  readonly noted: string;
  readonly clone: (id: string, stage: CloneStage) => string;
}

export function cloneLayout(directory: string, noted: string = directory): CloneLayout {
  return {
    directory,
    noted,
    clone: (id, stage) => join(directory, stage === 'live' ? id : `${id}.${stage}`),
  };
}

/** Reads a clone's directory name; null for anything else. */
export function parseCloneDirectory(name: string): { readonly id: string; readonly stage: CloneStage } | null {
  const [, id, stage] = /^(\d{1,20})(?:\.(new|gone))?$/.exec(name) ?? [];
  if (id === undefined) return null;
  return { id, stage: stage === 'new' || stage === 'gone' ? stage : 'live' };
}

/** A name for a template directory: a readable beginning, then a unique part. */
export function directoryKey(template: string): string {
  const name = basename(template)
    .replaceAll(/[^A-Za-z0-9_.-]/g, '_')
    .slice(0, 40);
  const hash = createHash('sha256').update(template).digest('hex').slice(0, 16);
  return `${name === '' ? 'root' : name}-${hash}`.replace(/^\./, '_');
}

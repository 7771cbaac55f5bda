import { IsolateError } from '../../error.ts';

const idPattern = /^[0-9]{1,20}$/;
const ownerCopyPattern = /^owners-[0-9a-f]{16}$/;

/** The dataset a template's clones are children of. */
export function parentOf(dataset: string): string {
  return dataset.slice(0, dataset.lastIndexOf('/'));
}

/** The pool a dataset is in. */
export function poolOf(dataset: string): string {
  const slash = dataset.indexOf('/');
  return slash === -1 ? dataset : dataset.slice(0, slash);
}

/**
 * The dataset of a clone, a sibling of its template: `<template>_<digits>`. That of an owner copy has a name that no template has. Throws
 * `bad-name` for another id.
 */
export function cloneName(template: string, id: string): string {
  if (ownerCopyPattern.test(id)) return `${template}.isolate-${id}`;
  if (!idPattern.test(id)) {
    throw new IsolateError('bad-name', `'${id}' is not the id of a clone.`);
  }
  return `${template}_${id}`;
}

/** The id of a copy of a template with changed owners, which is made like a clone. `key`: 16 hexadecimal digits. */
export function ownerCopyId(key: string): string {
  return `owners-${key}`;
}

/** The snapshot that an owner copy has once all its owners are changed. */
export function copySnapshot(dataset: string): string {
  return `${dataset}@ready`;
}

/** The id of such a copy of `template`, else null. */
export function readOwnerCopyId(template: string, dataset: string): string | null {
  const id = dataset.startsWith(`${template}.isolate-`) ? dataset.slice(template.length + '.isolate-'.length) : '';
  return ownerCopyPattern.test(id) ? id : null;
}

/** The id of a dataset that is named as a clone of `template` is, else null. */
export function cloneId(template: string, dataset: string): string | null {
  const id = dataset.startsWith(`${template}_`) ? dataset.slice(template.length + 1) : '';
  return idPattern.test(id) ? id : null;
}

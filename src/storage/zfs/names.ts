import { IsolateError } from '../../error.ts';
import { maximumDatasetLength } from '../../spec/parse-name.ts';

const component = /^[A-Za-z0-9_.:][A-Za-z0-9_.:-]*$/;
const idPattern = /^[0-9]{1,20}$/;

/**
 * Checks that `text` names a file system that can have clones beside it and returns it. Throws `bad-name`; snapshots,
 * bookmarks and whole pools get their own sentence. Blanks are valid in ZFS and refused here.
 */
export function parseTemplateName(text: string): string {
  if (text.includes('@')) {
    throw new IsolateError('bad-name', `'${text}' is a snapshot; name the dataset of the template.`, {
      hint: `use ${text.slice(0, text.indexOf('@'))}: its newest snapshot is taken`,
    });
  }
  if (text.includes('#')) {
    throw new IsolateError('bad-name', `'${text}' is a bookmark, which cannot be cloned.`);
  }
  const parts = text.split('/');
  if (!parts.every((part) => component.test(part) && part !== '.' && part !== '..') || !/^[A-Za-z]/.test(text)) {
    throw new IsolateError('bad-name', `'${text}' is not the name of a ZFS dataset.`);
  }
  if (parts.length < 2) {
    throw new IsolateError(
      'bad-name',
      `'${text}' is a whole pool; isolate makes clones beside their template, so the template must be a dataset in the pool.`,
      {
        hint: `put the template into a dataset of its own, as in ${text}/template`,
      },
    );
  }
  if (text.length > maximumDatasetLength) {
    throw new IsolateError('bad-name', `The dataset name '${text}' is too long to name its clones.`);
  }
  return text;
}

/** The dataset a template's clones are children of. */
export function parentOf(dataset: string): string {
  return dataset.slice(0, dataset.lastIndexOf('/'));
}

/** The pool a dataset is in. */
export function poolOf(dataset: string): string {
  const slash = dataset.indexOf('/');
  return slash === -1 ? dataset : dataset.slice(0, slash);
}

/** The dataset of a clone: a sibling of its template, `<template>_<digits>`. Throws `bad-name` for another id. */
export function cloneName(template: string, id: string): string {
  if (!idPattern.test(id)) {
    throw new IsolateError('bad-name', `'${id}' is not the id of a clone.`);
  }
  return `${template}_${id}`;
}

/** The id of a dataset that is named as a clone of `template` is, else null. */
export function cloneId(template: string, dataset: string): string | null {
  const id = dataset.startsWith(`${template}_`) ? dataset.slice(template.length + 1) : '';
  return idPattern.test(id) ? id : null;
}

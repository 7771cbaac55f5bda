import { IsolateError } from '../error.ts';
import { readTemplateRecord } from '../run/read-template-record.ts';
import type { TemplateRecord } from '../spec/template-record.ts';

/** The record of the template whose tree is at `path`, null if it has none, or what is wrong with it. */
export function tryRecord(path: string, name: string): TemplateRecord | IsolateError | null {
  try {
    return readTemplateRecord({ path, name });
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}

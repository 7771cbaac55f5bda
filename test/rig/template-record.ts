import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { printTemplateRecord, type TemplateDefaults, templateRecordPath } from '../../src/spec/template-record.ts';

/** Gives a tree a record with these defaults, or one of this text; returns the tree. */
export function writeRecord(tree: string, content: TemplateDefaults | string): string {
  const text = typeof content === 'string' ? content : printTemplateRecord({ version: 1, createdMs: 0, defaults: content });
  mkdirSync(join(tree, '.isolate'), { recursive: true });
  writeFileSync(join(tree, templateRecordPath), text);
  return tree;
}

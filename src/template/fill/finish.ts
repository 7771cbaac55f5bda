import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../../error.ts';
import { longestTemplateRecord, parseTemplateRecord, printTemplateRecord, type TemplateRecord } from '../../spec/template-record.ts';
import { noSpace, saysNoSpace } from '../no-space.ts';
import { runInFilling } from './filling.ts';
import type { FillingPlace } from './place.ts';

/** Throws `bad-source` if the tree at `root`, which was made from `name`, cannot be a root. */
export function checkRoot(root: string, name: string): void {
  if (['usr', 'bin'].some((directory) => lstatSync(join(root, directory), { throwIfNoEntry: false })?.isDirectory() === true)) return;
  const hint = adviseOnRoot(root, name);
  throw new IsolateError('bad-source', `${name} is not a root: it has neither /usr nor /bin.`, hint === null ? {} : { hint });
}

/** null: nothing is known that would help. */
function adviseOnRoot(root: string, name: string): string | null {
  if (existsSync(join(root, 'oci-layout'))) return `it is an image: --from oci-archive:${name}`;
  if (existsSync(join(root, 'manifest.json'))) return `it is an image: --from docker-archive:${name}`;
  const [only, ...more] = readdirSync(root);
  return only === undefined || more.length > 0
    ? null
    : `all it has is ${JSON.stringify(only)}; a root's own directories must be at the top`;
}

/** Opening a pipe would wait for a writer. */
const reading = `cd .isolate && test -f template.json && exec head --bytes=${longestTemplateRecord + 1} template.json`;

/** The record in a tree that was an isolate's template before; null: it has none that can be read. */
export async function readRecord(place: FillingPlace, name: string): Promise<TemplateRecord | null> {
  const chunks: Buffer[] = [];
  const status = await runInFilling(place, {
    command: ['sh', '-c', reading],
    onOutput: (chunk) => void chunks.push(chunk),
  });
  if (status !== 0) return null;
  try {
    return parseTemplateRecord(Buffer.concat(chunks).toString(), name);
  } catch {
    return null;
  }
}

/** The record replaces whatever the source had in its place; the root directory's owner tells who owns the tree. */
const finishing = `set -eu
chown 0:0 .
chmod 0755 .
rm -rf .isolate
mkdir -m 0755 .isolate
umask 022
cat > .isolate/template.json
`;

/** Makes a filled target fit to be a template, and writes its record, all with the sandbox's rights. Throws `pool-full`. */
export async function finishRoot(place: FillingPlace, record: TemplateRecord): Promise<void> {
  const lines: string[] = [];
  const status = await runInFilling(place, {
    command: ['sh', '-c', finishing],
    input: Buffer.from(printTemplateRecord(record)),
    onErrorLine: (line) => void lines.push(line),
  });
  if (status === 0) return;
  if (lines.some(saysNoSpace)) throw noSpace('The record of the template cannot be written', place.target.storage);
  throw new IsolateError('storage-failed', `The record of the template could not be written below ${place.target.root}.`, {
    cause: new Error(lines[0] ?? `sh ended with status ${status}`),
  });
}

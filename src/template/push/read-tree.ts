import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { canIdmap } from '../../host/path-facts.ts';
import type { FillingRequest } from '../fill/filling.ts';
import { packOptions } from '../fill/pack-options.ts';
import { readAsCaller, readInSandbox, type TreeReader } from '../fill/tree-reader.ts';
import { outputOfRun } from '../oci/program-output.ts';
import type { OpenTree } from '../store.ts';

/** The tree is read in a sandbox with the ids of its owners, so that owners are those that runs see. */
export function openTreeReader({ path, ownership }: OpenTree, facts: Facts): TreeReader {
  const idmappable = canIdmap(path, statSync(path));
  const { rights, uid } = facts.user;
  // No sandbox can have these ids: files of the host's root, where its user is another one or cannot mount them idmapped.
  if (ownership.kind === 'natural' && (rights === 'user' || !idmappable)) return readAsCaller(path, facts);
  if (rights === 'user' && ownership.kind === 'shifted' && ownership.uidBase !== uid) {
    throw new IsolateError('not-permitted', `The template ${path} belongs to another user.`);
  }
  const own = rights === 'root' ? ownership : ({ kind: 'natural' } as const);
  return readInSandbox({ root: path, ownership: own, idmappable, storage: path }, facts);
}

/** Throws `push-failed` for a file whose name means in a layer that another one is deleted (image-spec, layer.md). */
export async function refuseWhiteouts(reader: TreeReader, name: string, signal?: AbortSignal): Promise<void> {
  const chunks: Buffer[] = [];
  await reader.run({
    command: ['find', reader.path, '-xdev', '-name', '.wh.*', '-printf', String.raw`%P\0`, '-quit'],
    onOutput: (chunk) => void chunks.push(chunk),
    ...(signal === undefined ? {} : { signal }),
  });
  const [found = ''] = Buffer.concat(chunks).toString().split('\0');
  if (found === '') return;
  throw new IsolateError('push-failed', `${name} cannot be an image: the name of /${found} means in images that a file is deleted.`);
}

/**
 * The tree as a tar archive, without what is in /dev and without isolate's own record. The same files give the same bytes: names are
 * sorted, and nothing says when and by which process they were packed. Holes become zeros, because not every tool reads tar's form of them.
 */
export function packTree(reader: TreeReader, name: string, signal?: AbortSignal): Readable {
  const command: FillingRequest['command'] = [
    ...packOptions(reader.path),
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--exclude=./.isolate',
    '.',
  ];
  return outputOfRun(
    reader.run,
    { command, isHarmless, ...(signal === undefined ? {} : { signal }) },
    (said) => new IsolateError('storage-failed', `${name} cannot be read.`, { cause: new Error(said) }),
  );
}

/** What a root may have, and an image has no use for. */
function isHarmless(line: string): boolean {
  return /: (?:socket ignored|file is on a different filesystem; not dumped)$/.test(line);
}

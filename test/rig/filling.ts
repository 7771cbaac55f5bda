import { mkdtempSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findOwnFiles } from '../../src/host/own-files.ts';
import { canIdmap } from '../../src/host/path-facts.ts';
import { probeFacts } from '../../src/host/probe.ts';
import { ownershipOf } from '../../src/storage/directory.ts';
import { fillFrom, type Filled, type FillOptions } from '../../src/template/fill/fill.ts';
import { claimFillingPlace, type FillingPlace } from '../../src/template/fill/place.ts';
import { parseSource } from '../../src/template/fill/source.ts';

/** Fills a new directory that only root may enter from a source, as root. */
export async function fillNew(from: string, options: Partial<FillOptions> = {}): Promise<Filled & { readonly root: string }> {
  const root = mkdtempSync(join(tmpdir(), 'filled-'));
  return { root, ...(await fillDirectory(root, from, options)) };
}

/** Fills `root` from a source, as this process's user. */
export async function fillDirectory(root: string, from: string, options: Partial<FillOptions> = {}): Promise<Filled> {
  const source = parseSource(from, { workingDirectory: '/', home: null });
  return await inPlace(root, (place) => fillFrom(source, place, { name: from, createdMs: 0, ...options }));
}

/** Gives `action` the place for filling `root`. */
export async function inPlace<T>(root: string, action: (place: FillingPlace) => Promise<T>): Promise<T> {
  await chmod(root, 0o700);
  const facts = await probeFacts({ environment: {}, uid: process.getuid!(), gid: process.getgid!(), files: findOwnFiles() });
  const stats = statSync(root);
  const place = claimFillingPlace({ root, ownership: ownershipOf(stats), idmappable: canIdmap(root, stats), storage: root }, facts);
  try {
    return await action(place);
  } finally {
    place.release();
  }
}

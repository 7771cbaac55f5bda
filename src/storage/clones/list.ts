import { stat } from 'node:fs/promises';

import type { CloneInfo } from '../driver.ts';
import type { CloneDirectory, CloneKind } from './kind.ts';
import { type CloneStage, parseCloneDirectory } from './layout.ts';
import { namesIn } from './note.ts';
import { readLastRun, readSession } from './session.ts';

/** Every directory of ours; one that a crash left half-made or half-removed is unmarked. */
export async function listClones(kind: CloneKind): Promise<readonly CloneInfo[]> {
  const { layout, template } = kind;
  const found = new Map<string, CloneDirectory & { readonly id: string; readonly stage: CloneStage }>();
  for (const name of namesIn(layout.directory)) {
    const parsed = parseCloneDirectory(name);
    if (parsed === null) continue;
    const path = layout.clone(parsed.id, parsed.stage);
    const stats = await stat(path).catch(() => null);
    if (stats === null || (found.has(parsed.id) && parsed.stage !== 'live')) continue;
    found.set(parsed.id, { ...parsed, path, stats });
  }
  const directories = [...found.values()];
  const guids = await kind.identify(directories);
  const clones: CloneInfo[] = [];
  for (const [index, { id, stage, path, stats }] of directories.entries()) {
    const isLive = stage === 'live';
    const session = isLive ? readSession(path) : null;
    const lastRun = session === null ? null : readLastRun(path);
    clones.push({
      id,
      guid: guids[index] ?? '',
      source: template,
      marked: isLive,
      kept: session !== null,
      ...(session === null ? {} : { session }),
      ...(lastRun === null ? {} : { lastRun }),
      createdMs: Math.round(stats.birthtimeMs),
      mountpoint: isLive ? path : null,
    });
  }
  return clones;
}

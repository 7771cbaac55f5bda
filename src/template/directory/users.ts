import { readFileSync, realpathSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { parseMountinfo } from '../../host/mountinfo.ts';
import { type RunEntry, readRuns } from '../../pool/claims/runs.ts';
import { runtimePaths } from '../../pool/paths.ts';
import { findHolders, locate } from '../../storage/holders.ts';
import { ownRuntimePaths, ownStateDirectory } from '../../run/place.ts';
import { callersSessions, callersState } from '../../run/callers-index.ts';
import { listSessions } from '../../session/index-files.ts';
import { findKept } from '../../session/kept.ts';
import type { SessionRecord } from '../../session/record.ts';
import type { TemplateContext } from '../context.ts';

/** The runs that use a template directory, itself or below layers of theirs, as far as this caller can see. */
export function findRuns({ facts, holder }: TemplateContext, path: string): readonly RunEntry[] {
  const places = [ownRuntimePaths(facts), runtimePaths(ownStateDirectory(facts))];
  const runs = places
    .filter(({ root }, index) => places.findIndex((other) => other.root === root) === index)
    .flatMap((place) => readRuns(place, holder.bootId));
  return runs.filter(({ template }) => template.startsWith('/') && realOf(template) === realOf(path));
}

/** The caller's sessions with layers over a template directory. */
export function findSessions(path: string): readonly SessionRecord[] {
  const known = listSessions(callersSessions().index, null);
  const kept = findKept(callersState(), () => {}).flatMap(({ sessions }) => sessions);
  // Names may be lost.
  const lost = kept.filter(({ clone }) => !known.some((one) => isDeepStrictEqual(one.clone, clone)));
  return [...known, ...lost].filter(({ root }) => root.kind === 'directory' && realOf(root.path) === realOf(path));
}

/** Whether anything uses the tree at `tree`, or the runs on the template may. */
export async function isUsed(context: TemplateContext, path: string, tree: string): Promise<boolean> {
  if (findRuns(context, path).length > 0) return true;
  const place = locate(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')), tree);
  return place !== null && (await findHolders({ kind: 'directory', ...place, path: tree })).length > 0;
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

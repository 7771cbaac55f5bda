import { join } from 'node:path';

import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { callerFacts } from '../run/caller-facts.ts';
import { releaseCloneState } from '../run/clone-state.ts';
import { leasePaths, ownStateDirectory } from '../run/place.ts';
import { hasPool, openRootPool, openRootStorage } from '../run/root.ts';
import { sessionIndex } from '../session/index-files.ts';
import { mendIndex } from '../session/mend.ts';
import { directoryStorages } from '../spec/root-ref.ts';
import { type ClonedDirectory, findClonedDirectories } from '../storage/noted.ts';
import { sharedDirectory } from '../storage/registry.ts';
import { refresh as refreshPool } from './refresh.ts';
import { refresh as refreshDataset, type RefreshRequest } from './refresh-template.ts';
import type { RefreshReport } from './report.ts';

/** What `isolate refresh --skip-create --all` does, and who hears of it. */
export interface CleanUp extends Pick<RefreshRequest, 'onProgress' | 'onWaiting' | 'onWarning' | 'signal'> {
  /** The datasets that may have clones; directories are found. */
  readonly datasets: readonly string[];
  /** Destroy fresh clones too, and remove the places of directories' clones where none are left. */
  readonly force: boolean;
  readonly onReport: (report: RefreshReport) => void;
  /** The clones of this template could not be looked at. */
  readonly onFailure: (template: string, error: IsolateError) => void;
}

/** Destroys the used clones of all templates, and of directories what killed runs left. Throws `aborted`, `bad-config`. */
export async function cleanUp({ datasets, ...request }: CleanUp): Promise<void> {
  const facts = await callerFacts();
  const state = ownStateDirectory(facts);
  for (const dataset of datasets) await attempt(dataset, request, () => cleanUpDataset(dataset, facts, request));
  for (const root of findClonedDirectories(state)) await attempt(root.path, request, () => cleanUpDirectory(root, facts, request));
  if (request.force) for (const storage of directoryStorages) releaseCloneState(join(state, storage));
}

type Request = Omit<CleanUp, 'datasets'>;

async function attempt(template: string, { onReport, onFailure }: Request, act: () => Promise<RefreshReport | null>): Promise<void> {
  try {
    const report = await act();
    if (report !== null) onReport(report);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code === 'aborted') throw error;
    onFailure(template, error);
  }
}

/** null: there is neither the dataset nor a pool of it. */
async function cleanUpDataset(dataset: string, facts: Facts, request: Request): Promise<RefreshReport | null> {
  const hadPool = hasPool(dataset, leasePaths({ kind: 'volume', locator: dataset }, facts));
  try {
    return await refreshDataset({ ...request, template: dataset, skipCreate: true });
  } catch (error) {
    const isNone = error instanceof IsolateError && ['template-missing', 'missing-tool'].includes(error.code);
    if (isNone && !hadPool) return null;
    throw error;
  }
}

/** null: there was nothing but empty places. */
async function cleanUpDirectory(root: ClonedDirectory, facts: Facts, request: Request): Promise<RefreshReport | null> {
  const { force, onWarning: warn = () => {}, onReport: _onReport, onFailure: _onFailure, ...observers } = request;
  const state = ownStateDirectory(facts);
  const driver = await openRootStorage(root, facts, { mayBeGone: true });
  if (!hasPool(root.path, leasePaths(root, facts)) && (await driver.list()).length === 0) {
    if (force) await driver.tidy?.(null);
    if (force) releaseCloneState(sharedDirectory(root, state));
    return null;
  }
  const pool = await openRootPool(root, facts, { warn, onlyCleanUp: true });
  const report = await refreshPool(pool, {
    ...observers,
    force,
    skipCreate: true,
    onListed: (seen) => mendIndex(sessionIndex(state), root, seen, pool.clock()),
  });
  if (force) releaseCloneState(sharedDirectory(root, state));
  return report;
}

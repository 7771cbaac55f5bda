import { join } from 'node:path';
import { findHome } from '../host/home.ts';
import { rightsOf } from '../host/rights.ts';
import type { PathBase } from './path-base.ts';
import { parseTemplate, type TemplateRef } from './template-ref.ts';

/** Where templates that have only a name are: the children of a dataset, or the directories in a directory. */
export type TemplatePlace = { readonly kind: 'dataset'; readonly dataset: string } | { readonly kind: 'directory'; readonly path: string };

/** Where the caller's templates are. */
export interface TemplatePlaces extends PathBase {
  /** Where a name is looked up, in this order. */
  readonly stores: readonly TemplatePlace[];
  /** Where new templates with a name are made; null: the caller has no home. */
  readonly own: TemplatePlace | null;
}

/** The host's store unless the settings name another. */
export const systemStore = '/var/lib/isolate/templates';

export interface PlacesRequest {
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** `store` of /etc/isolate/config.toml, a dataset or an absolute path; null: not set. */
  readonly store: string | null;
}

/**
 * The stores of a user: its own, below $XDG_DATA_HOME or ~/.local/share, then the host's. Root has /var/lib/isolate/templates and the
 * host's, in which it makes new templates. Source: XDG Base Directory Specification.
 */
export function findPlaces({ uid, environment, workingDirectory, store }: PlacesRequest): TemplatePlaces {
  const home = findHome(environment);
  const base = { home, workingDirectory };
  const host = readStore(store, base);
  if (rightsOf(uid) === 'root')
    return { ...base, stores: isSystemStore(host) ? [host] : [{ kind: 'directory', path: systemStore }, host], own: host };
  const data = environment['XDG_DATA_HOME'] ?? '';
  const above = data.startsWith('/') ? data : home === null ? null : join(home, '.local/share');
  if (above === null) return { ...base, stores: [host], own: null };
  const own: TemplatePlace = { kind: 'directory', path: join(above, 'isolate/templates') };
  return { ...base, stores: [own, host], own };
}

/** The template of this name in a store, whether or not it exists. */
export function inPlace(place: TemplatePlace, name: string): TemplateRef {
  return place.kind === 'dataset'
    ? { kind: 'dataset', dataset: `${place.dataset}/${name}` }
    : { kind: 'directory', path: join(place.path, name) };
}

function readStore(store: string | null, base: PathBase): TemplatePlace {
  if (store === null) return { kind: 'directory', path: systemStore };
  if (!store.startsWith('/')) return { kind: 'dataset', dataset: store };
  const place = parseTemplate(store, base);
  return place.kind === 'directory' ? place : { kind: 'directory', path: systemStore };
}

function isSystemStore(place: TemplatePlace): boolean {
  return place.kind === 'directory' && place.path === systemStore;
}

import type { BytePath, Change } from '../change.ts';
import type { DatabaseEntry } from './package-databases.ts';
import { parseAutomatic } from './package-databases.ts';
import { type PackageSource, packageSources, placeOf } from './package-sources.ts';
import { createMatcher } from './path-pattern.ts';
import { canonicalPath, type Texts } from './rule.ts';
import { isUnread } from './unread.ts';

/** A package on one side. */
interface Package extends DatabaseEntry {
  readonly path: BytePath;
  /** It is there only because another one needs it. */
  readonly automatic: boolean;
}

/** A package that differs; null: that side lacks it. */
export interface PackageChange {
  readonly source: PackageSource;
  readonly before: Package | null;
  readonly after: Package | null;
}

/** A file that says which packages there are. */
export interface PackageFile {
  readonly source: PackageSource;
  readonly change: Change;
}

/** Tells which source of packages a path is. */
export function createSourceMatcher(): (path: BytePath) => PackageSource | null {
  const matcher = createMatcher<PackageSource>(packageSources.flatMap((source) => source.paths.map((path) => [path, source] as const)));
  const exceptions = createMatcher<PackageSource>(
    packageSources.flatMap((source) => (source.except ?? []).map((path) => [path, source] as const)),
  );
  return (path) => {
    const canonical = canonicalPath(path);
    const found = matcher.match(canonical);
    if (found.length === 0) return null;
    const excepted = exceptions.match(canonical);
    return found.find((source) => !excepted.includes(source)) ?? null;
  };
}

/** Whether it tells nothing without its text. */
export function isDatabase(source: PackageSource | null): boolean {
  return source !== null && source.needsText && source.ofSystem;
}

export const dpkgStatus = 'var/lib/dpkg/status';

/** Where apt notes which packages are there only because others need them. */
export const automaticPath = 'var/lib/apt/extended_states';

/** The packages that differ, those that somebody asked for first. */
export function comparePackages(files: readonly PackageFile[], texts: Texts): readonly PackageChange[] {
  const readable = files.filter(({ source, change }) => !isDatabase(source) || !isUnread(change, texts.get(change.path)));
  const found = new Map<string, { source: PackageSource; before: Package | null; after: Package | null }>();
  for (const side of ['before', 'after'] as const) {
    const automatic = parseAutomatic(texts.get(automaticPath)?.[side] ?? '');
    for (const { source, change } of readable) {
      if (change[side] === null) continue;
      const pair = texts.get(change.path);
      const text = isUnread(change, pair) ? '' : (pair?.[side] ?? '');
      for (const entry of source.read(change.path, text)) {
        const key = [source.id, placeOf(source, change.path), entry.name].join('\0');
        const pair = found.get(key) ?? { source, before: null, after: null };
        pair[side] = { ...entry, path: change.path, automatic: source.id === 'dpkg' && automatic.has(entry.name) };
        found.set(key, pair);
      }
    }
  }
  const differing = [...found.values()].filter(({ before, after }) => before?.version !== after?.version || before?.state !== after?.state);
  const isAutomatic = ({ before, after }: PackageChange) => (after ?? before)?.automatic === true;
  return [...differing.filter((change) => !isAutomatic(change)), ...differing.filter(isAutomatic)];
}

/** Says that only another package needs one. */
export const dependencyNote = 'dependency';

/** What happened to a package. */
export function newsOf({ before, after }: PackageChange): 'installed' | 'changed' | 'removed' | 'incomplete' {
  if (after === null) return 'removed';
  if (after.state !== null) return 'incomplete';
  return before === null ? 'installed' : 'changed';
}

/** `nginx 1.22.1-9`, or `nginx 1.22.1-9 → 1.24.0-1`. */
export function packageItem({ source, before, after }: PackageChange): string {
  const versions = [...new Set([before?.version ?? '', after?.version ?? ''])].filter((version) => version !== '');
  const name = [after?.name ?? before?.name ?? '', versions.join(' → ')].filter((part) => part !== '').join(' ');
  const notes = [source.label, (after ?? before)?.automatic === true ? dependencyNote : '', after?.state ?? ''].filter(
    (note) => note !== '',
  );
  return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
}

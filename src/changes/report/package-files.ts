import { normalize } from 'node:path/posix';

import type { BytePath, Change } from '../change.ts';
import { toBytePath } from '../show-path.ts';
import { parseApk, parseRecord } from './package-databases.ts';
import type { PackageChange, PackageFile } from './packages.ts';
import { canonicalPath, type Texts } from './rule.ts';

/** Whether the packages that differ explain a change. */
export interface PackageFiles {
  readonly explain: (change: Change) => boolean;
}

const dpkgInfo = 'var/lib/dpkg/info/';

/** The name of the package that a file of dpkg's directory `info` is about; null: it is no such file. */
export function nameOfInfo(path: BytePath): string | null {
  if (!path.startsWith(dpkgInfo)) return null;
  const [, name = null] = /^([a-z0-9][a-z0-9+.-]*?)(?::[a-z0-9-]+)?\.[a-z0-9]+$/.exec(path.slice(dpkgInfo.length)) ?? [];
  return name;
}

/** The file with the list of files of the package that a file of `info` is about. */
export function listOfInfo(path: BytePath): BytePath | null {
  return nameOfInfo(path) === null ? null : path.replace(/\.[a-z0-9]+$/, '.list');
}

/** Files that tell which files a package has, beside those of dpkg, for a file that tells that there is the package. */
export function listsOf({ source, change: { path } }: PackageFile): readonly BytePath[] {
  if (source.id === 'pacman') return [path.replace(/desc$/, 'files')];
  if (source.id === 'python' && path.endsWith('/METADATA')) return [path.replace(/METADATA$/, 'RECORD')];
  return [];
}

/**
 * What packages brought (or changed), and what they had, by their own lists. Only the lists of the template are believed about what was
 * deleted.
 */
export function collectPackageFiles(differing: readonly PackageChange[], texts: Texts): PackageFiles {
  const had = collectSide('before', differing, texts);
  const brought = collectSide('after', differing, texts);
  const names = new Set(differing.flatMap(({ source, before, after }) => (source.id === 'dpkg' ? [(after ?? before)?.name ?? ''] : [])));
  return {
    explain: ({ path, after }) => {
      const canonical = canonicalPath(path);
      const { paths, trees } = after === null ? had : brought;
      return paths.has(canonical) || isBelow(canonical, trees) || (after !== null && names.has(nameOfInfo(canonical) ?? ''));
    },
  };
}

interface Owned {
  readonly paths: ReadonlySet<BytePath>;
  /** Directories that belong to packages with everything in them. */
  readonly trees: ReadonlySet<BytePath>;
}

function collectSide(side: 'before' | 'after', differing: readonly PackageChange[], texts: Texts): Owned {
  const paths = new Set<BytePath>();
  const trees = new Set<BytePath>();
  const add = (list: readonly string[]) => {
    for (const path of list) paths.add(canonicalPath(toBytePath(path)));
  };
  const textOf = (path: BytePath) => texts.get(path)?.[side] ?? '';
  const names = new Map<string, Set<string>>();
  for (const change of differing) {
    const found = change[side];
    if (found === null) continue;
    const { id } = change.source;
    names.set(id, (names.get(id) ?? new Set()).add(found.name));
    if (id === 'dpkg') add(linesOfSums(textOf(`${found.path}.md5sums`)));
    if (id === 'pacman') add(textOf(found.path.replace(/desc$/, 'files')).split('\n'));
    if (id === 'node') trees.add(canonicalPath(found.path.slice(0, -'/package.json'.length)));
    if (id === 'python' && found.path.endsWith('/METADATA')) add(pathsOfRecord(found.path, textOf));
  }
  const isNamed = (id: string, name: string | null) => name !== null && names.get(id)?.has(name) === true;
  for (const path of texts.keys()) {
    if (path.endsWith('.list') && isNamed('dpkg', nameOfInfo(path))) add(linesOfList(textOf(path)));
    if (path.endsWith('/apk/db/installed')) add(parseApk(textOf(path)).flatMap(({ name, paths }) => (isNamed('apk', name) ? paths : [])));
  }
  return { paths, trees };
}

function pathsOfRecord(metadata: BytePath, textOf: (path: BytePath) => string): readonly string[] {
  const record = metadata.replace(/METADATA$/, 'RECORD');
  const directory = record.split('/').slice(0, -2).join('/');
  return [record, ...parseRecord(textOf(record)).map((entry) => normalize(`${directory}/${entry}`))];
}

function linesOfList(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => (line.startsWith('/') && line.length > 1 ? [line.slice(1)] : []));
}

/** Lines of md5sum(1). */
function linesOfSums(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^[0-9a-f]{32} [ *](?:\.?\/)?(.+)$/.exec(line)?.[1] ?? []);
}

function isBelow(path: BytePath, trees: ReadonlySet<BytePath>): boolean {
  if (trees.size === 0) return false;
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (trees.has(path.slice(0, end))) return true;
  }
  return false;
}

import type { BytePath } from '../change.ts';
import { showPath } from '../show-path.ts';
import { type DatabaseEntry, parseApk, parseDpkg, versionOfManifest } from './package-databases.ts';

/** A kind of file that says which packages there are. */
export interface PackageSource {
  readonly id: string;
  readonly paths: readonly string[];
  readonly except?: readonly string[];
  /** It is the package manager of the system, of which packages of other managers may be parts. */
  readonly ofSystem: boolean;
  /** What stands behind the name of a package. */
  readonly label: string;
  readonly needsText: boolean;
  /** `text` is '' if it is not needed. */
  readonly read: (path: BytePath, text: string) => readonly DatabaseEntry[];
}

const systemSources: readonly PackageSource[] = [
  { id: 'dpkg', paths: ['var/lib/dpkg/status'], ofSystem: true, label: '', needsText: true, read: (_, text) => parseDpkg(text) },
  {
    id: 'dpkg',
    paths: ['var/lib/dpkg/status.d/*'],
    except: ['var/lib/dpkg/status.d/*.md5sums'],
    ofSystem: true,
    label: '',
    needsText: true,
    read: (_, text) => parseDpkg(text),
  },
  { id: 'apk', paths: ['usr/lib/apk/db/installed'], ofSystem: true, label: '', needsText: true, read: (_, text) => parseApk(text) },
  {
    id: 'pacman',
    paths: ['var/lib/pacman/local/*/desc'],
    ofSystem: true,
    label: '',
    needsText: false,
    read: byName(-2, /^(.+)-([^-]+-[^-]+)$/),
  },
];

const otherSources: readonly PackageSource[] = [
  {
    id: 'snap',
    paths: ['var/lib/snapd/snaps/*.snap'],
    ofSystem: false,
    label: 'snap',
    needsText: false,
    read: byName(-1, /^(.+)_([^_]+)\.snap$/),
  },
  {
    id: 'flatpak',
    paths: ['var/lib/flatpak/{app,runtime}/*/*/*/active'],
    ofSystem: false,
    label: 'Flatpak',
    needsText: false,
    read: (path) => [{ name: showPath(path.split('/')[4] ?? ''), version: showPath(path.split('/')[6] ?? ''), state: null }],
  },
  {
    id: 'python',
    paths: ['**/{site-packages,dist-packages}/*.dist-info/METADATA'],
    ofSystem: false,
    label: 'Python',
    needsText: false,
    read: byName(-2, /^(.+)-([^-]+)\.dist-info$/),
  },
  {
    id: 'python',
    paths: ['**/{site-packages,dist-packages}/*.egg-info/PKG-INFO', '**/{site-packages,dist-packages}/*.egg-info'],
    except: ['**/*.egg-info/*.egg-info'],
    ofSystem: false,
    label: 'Python',
    needsText: false,
    read: (path) => byName(path.endsWith('/PKG-INFO') ? -2 : -1, /^([^-]+)-([^-]+).*\.egg-info$/)(path),
  },
  {
    id: 'node',
    paths: ['**/node_modules/{*,@*/*}/package.json'],
    except: ['**/node_modules/**/node_modules/**'],
    ofSystem: false,
    label: 'Node.js',
    needsText: true,
    read: (path, text) => [
      {
        name: showPath(path.replace(/^.*node_modules\//, '').slice(0, -'/package.json'.length)),
        version: versionOfManifest(text),
        state: null,
      },
    ],
  },
  {
    id: 'ruby',
    paths: ['**/specifications/*.gemspec'],
    ofSystem: false,
    label: 'Ruby',
    needsText: false,
    read: byName(-1, /^(.+?)-([0-9][^-]*(?:-.*)?)\.gemspec$/),
  },
  {
    id: 'conda',
    paths: ['**/conda-meta/*.json'],
    ofSystem: false,
    label: 'conda',
    needsText: false,
    read: byName(-1, /^(.+)-([^-]+)-[^-]+\.json$/),
  },
];

export const packageSources: readonly PackageSource[] = [...systemSources, ...otherSources];

/** The place of a package: it may be installed once in each. */
export function placeOf({ id }: PackageSource, path: BytePath): BytePath {
  return id === 'python' || id === 'ruby' || id === 'node' || id === 'conda'
    ? path.replace(/\/(?:[^/]*(?:dist-info|egg-info)(?:\/[^/]*)?|specifications\/[^/]*|conda-meta\/[^/]*|node_modules\/.*)$/, '')
    : '';
}

/** A reader of a path of which a segment, counted from the end, is name and version. */
function byName(at: number, pattern: RegExp): (path: BytePath) => readonly DatabaseEntry[] {
  return (path) => {
    const [, name, version] = pattern.exec(path.split('/').at(at) ?? '') ?? [];
    return name === undefined || version === undefined ? [] : [{ name: showPath(name), version: showPath(version), state: null }];
  };
}

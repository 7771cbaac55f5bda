/** A package in a database. */
export interface DatabaseEntry {
  readonly name: string;
  readonly version: string;
  /** Why it is not completely installed; null: it is. */
  readonly state: string | null;
}

/** The stanzas of a text such as /var/lib/dpkg/status, each with its one-line fields. */
function stanzasOf(text: string): readonly ReadonlyMap<string, string>[] {
  const stanzas: Map<string, string>[] = [];
  let stanza = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') {
      if (stanza.size > 0) stanzas.push(stanza);
      stanza = new Map();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon > 0 && !/^\s/.test(line)) stanza.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return stanza.size > 0 ? [...stanzas, stanza] : stanzas;
}

/** Installed packages of /var/lib/dpkg/status, or of a file of status.d, which has no Status. Those of which only settings are left are none. */
export function parseDpkg(text: string): readonly DatabaseEntry[] {
  return stanzasOf(text).flatMap((stanza) => {
    const name = stanza.get('Package') ?? '';
    const [, flag = 'ok', state = 'installed'] = (stanza.get('Status') ?? '').split(' ');
    if (name === '' || state === 'not-installed' || state === 'config-files') return [];
    const isWhole = flag === 'ok' && (state === 'installed' || state.startsWith('triggers-'));
    return [{ name, version: stanza.get('Version') ?? '', state: isWhole ? null : state }];
  });
}

/** Packages that apt installed only because others need them, from its extended_states. */
export function parseAutomatic(text: string): ReadonlySet<string> {
  const automatic = stanzasOf(text).filter((stanza) => stanza.get('Auto-Installed') === '1');
  return new Set(automatic.map((stanza) => stanza.get('Package') ?? ''));
}

/** The packages of apk's `installed`, with the paths of their files. */
export function parseApk(text: string): readonly (DatabaseEntry & { readonly paths: readonly string[] })[] {
  const packages: (DatabaseEntry & { readonly paths: readonly string[] })[] = [];
  for (const stanza of text.split('\n\n')) {
    let name = '';
    let version = '';
    let directory = '';
    const paths: string[] = [];
    for (const line of stanza.split('\n')) {
      const value = line.slice(2);
      if (line.startsWith('P:')) name = value;
      else if (line.startsWith('V:')) version = value;
      else if (line.startsWith('F:')) directory = value;
      else if (line.startsWith('R:')) paths.push(directory === '' ? value : `${directory}/${value}`);
    }
    if (name !== '') packages.push({ name, version, state: null, paths });
  }
  return packages;
}

/** The version in a package.json; '': there is none. */
export function versionOfManifest(text: string): string {
  try {
    const manifest: unknown = JSON.parse(text);
    return typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string'
      ? manifest.version
      : '';
  } catch {
    return '';
  }
}

/** The paths in a `RECORD` of a Python package, from the directory of its packages. */
export function parseRecord(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [, quoted, plain = ''] = /^(?:"((?:[^"]|"")*)"|([^,]*)),/.exec(line) ?? [];
    const path = quoted?.replaceAll('""', '"') ?? plain;
    return path === '' ? [] : [path];
  });
}

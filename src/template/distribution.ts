import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../error.ts';
import { lookBeneath } from '../host/resolve-beneath.ts';

/** The commands that upgrade a distribution, in this order. */
export interface Upgrade {
  readonly commands: readonly (readonly string[])[];
  readonly environment: Readonly<Record<string, string>>;
}

const mostBytes = 65_536;
/** Characters of an ID in a message. */
const mostQuoted = 100;

/**
 * How the distribution in the tree at `root` is upgraded, from its own /etc/os-release (os-release(5)). Throws `unsupported-option` for
 * one that isolate cannot upgrade.
 */
export function findUpgrade(root: string, name: string): Upgrade {
  const ids = readIds(readRelease(root));
  if (ids.some((id) => id === 'debian' || id === 'ubuntu')) return debian;
  const which =
    ids[0] === undefined
      ? 'does not say which distribution it is'
      : `is ${JSON.stringify(ids[0].slice(0, mostQuoted))}, which isolate cannot upgrade`;
  throw new IsolateError('unsupported-option', `The template ${name} ${which}.`, {
    hint: `isolate template exec ${name} COMMAND runs its own package manager`,
  });
}

const debian: Upgrade = {
  // Changed configuration files stay as they are, because nobody can be asked.
  commands: [
    ['apt-get', 'update'],
    ['apt-get', '-y', '-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold', 'dist-upgrade'],
    ['apt-get', 'clean'],
  ],
  environment: { DEBIAN_FRONTEND: 'noninteractive' },
};

/** What an upgrade that upgrades nothing changes all the same. */
const byTheWay = /^var\/(?:lib\/apt|cache\/apt|cache\/debconf|log)(?:\/|$)/;

/** Whether these changes are those of an upgrade that had nothing to do. */
export function isNothing(paths: readonly string[]): boolean {
  return paths.every((path) => byTheWay.test(path));
}

/** `ID` and what `ID_LIKE` says it is like. */
export function readIds(release: string): readonly string[] {
  const values = new Map(
    release.split('\n').flatMap((line) => {
      const [, key, value] = /^(ID|ID_LIKE)=["']?([^"']*)["']?$/.exec(line.trim()) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
  return [values.get('ID') ?? '', ...(values.get('ID_LIKE') ?? '').split(' ')].filter((id) => id !== '');
}

/** The tree may be hostile: links end in it, and only a small regular file is read. */
function readRelease(root: string): string {
  const { path, kind } = lookBeneath(root, '/etc/os-release');
  if (kind !== 'other') return '';
  const file = openSync(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    return stats.isFile() && stats.size <= mostBytes ? readFileSync(file, 'utf8') : '';
  } finally {
    closeSync(file);
  }
}

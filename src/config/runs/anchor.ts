import { join } from 'node:path/posix';

import type { ValueKind } from '../../spec/options/option.ts';
import type { Anchor } from './run-settings.ts';

/**
 * The value of an option in a settings file as it would be written on the command line of a run: `~/` is the home, and relative paths
 * begin in the directory of the anchor.
 */
export function anchorValue(kind: ValueKind, value: string, anchor: Anchor): string {
  switch (kind) {
    case 'directory':
    case 'file':
      return anchorPath(value, anchor, (directory) => directory);
    case 'bind':
      return anchorPath(value, anchor, escapeColons);
    case 'assigned': {
      // `TAG=PATH`, or `host-TYPE:TARGET=PATH`; what other mounts have there is no path of the host.
      const [, name = '', path] = /^((?:host-[a-z]+:)?[^=:]*=)(.*)$/s.exec(value) ?? [];
      return path === undefined ? value : `${name}${anchorPath(path, anchor, (directory) => directory)}`;
    }
    case 'template':
      return /^(?:~|\.\.?)(?:\/|$)/.test(value) ? anchorPath(value, anchor, (directory) => directory) : value;
    default:
      return value;
  }
}

function anchorPath(value: string, { home, directory }: Anchor, write: (directory: string) => string): string {
  if (home !== null && /^~(?:[/:]|$)/.test(value)) return write(home) + value.slice(1);
  if (directory === null || value === '' || value.startsWith('/')) return value;
  const [path = '', ...rest] = value.split(/(?=:)/);
  return `${join(write(directory), path)}${rest.join('')}`;
}

/** As a bind is written. */
function escapeColons(path: string): string {
  return path.replaceAll(/[\\:]/g, String.raw`\$&`);
}

import { IsolateError } from '../error.ts';
import { defaultTmpfsSize, parseTarget } from './bind.ts';
import { parseImageSource, resolveImage } from './disk.ts';
import { parseSize } from './parse-number.ts';
import { parseHostPath, parseSandboxPath } from './parse-path.ts';
import type { Bind, BindSource } from './spec.ts';

const types = ['host-bind', 'host-image', 'guest-bind', 'ram'] as const;

/**
 * A mount from `TYPE:TARGET=SOURCE`: host-bind (a path of the host; an empty SOURCE is an empty directory that is thrown away), host-image
 * (a file with a file system; `,format=`), guest-bind (another path inside) or ram (a size). `,ro` behind SOURCE makes it read-only.
 * Throws `bad-bind`, `usage`.
 */
export function parseMount(text: string, cwd: string | null): Bind {
  const shown = JSON.stringify(text);
  const hint = 'write --mount TYPE:TARGET=SOURCE; TYPE is host-bind, host-image, guest-bind or ram';
  const [, name, rest = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new IsolateError('bad-bind', `No mount type prefix on ${shown}.`, { hint });
  const type = types.find((known) => known === name);
  if (type === undefined) throw new IsolateError('bad-bind', `Unknown mount type prefix on ${shown}.`, { hint });
  const [, target = '', given] = /^([^=]*)=(.*)$/s.exec(rest) ?? [];
  if (given === undefined) throw new IsolateError('bad-bind', `Missing mount source string on ${shown}.`, { hint });
  const { path, readOnly, format } = parseImageSource(text, given);
  if (format !== undefined && type !== 'host-image') {
    throw new IsolateError('bad-bind', `Only a host-image has a format: ${shown}.`, { hint: 'leave format= out' });
  }
  if (path === '' && type !== 'host-bind') throw new IsolateError('bad-bind', `Missing mount source string on ${shown}.`, { hint });
  const source: Readonly<Record<typeof type, () => BindSource>> = {
    'host-bind': () => (path === '' ? { memoryBytes: parseSize('--mount', defaultTmpfsSize) } : hostPath(path, cwd)),
    'host-image': () => ({ image: resolveImage(path, format, cwd) }),
    'guest-bind': () => ({ inside: parseSandboxPath('bad-bind', 'The source of a guest-bind', path) }),
    ram: () => ({ memoryBytes: parseSize('--mount ram', path) }),
  };
  return { source: source[type](), target: parseTarget(target, '--mount', shown), readOnly };
}

function hostPath(path: string, cwd: string | null): string {
  return parseHostPath('bad-bind', 'The mount source', path, cwd);
}

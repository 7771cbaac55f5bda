import { IsolateError } from '../error.ts';
import { parseSize } from './parse-number.ts';
import { parseHostPath, parseSandboxPath } from './parse-path.ts';
import type { HostBind } from './request.ts';
import type { Bind, FirmSpec, Image } from './spec.ts';

/** What a bind shows, for messages. */
export function describeSource({ source }: Bind): string {
  if (typeof source === 'string') return source;
  if ('memoryBytes' in source) return 'a tmpfs';
  return 'image' in source ? `the image ${source.image.file}` : `${source.inside} of the sandbox`;
}

/** The file with a host's name servers, for a sandbox in the host's network. */
export const nameServers = '/etc/resolv.conf';

/** The part of a spec that says what is shown in the sandbox. */
type Shown = Pick<FirmSpec, 'binds' | 'disks'>;

/** The paths of the host that binds and disks show or are made from. */
export function hostSources(spec: Shown): readonly string[] {
  const bound = spec.binds.flatMap(({ source }) => (typeof source === 'string' ? [source] : []));
  return [...bound, ...disksOf(spec).map(({ file }) => file)];
}

/** An image that a machine has as a disk; where it is mounted, if it is. */
interface MountedDisk extends Image {
  readonly readOnly: boolean;
  readonly target?: string;
}

/** Every disk of a machine, in its order: those with a tag, then the images that are mounted. */
export function disksOf({ binds, disks }: Shown): readonly MountedDisk[] {
  const mounted = binds.flatMap(({ source, target, readOnly }) =>
    typeof source === 'string' || !('image' in source) ? [] : [{ ...source.image, target, readOnly }],
  );
  return [...disks, ...mounted];
}

/** Whether a bind shows another path of the sandbox. */
export function isFromInside({ source }: Pick<Bind, 'source'>): boolean {
  return typeof source !== 'string' && 'inside' in source;
}

/** How large a bind that is a memory file system can become; null for any other. */
export function memoryOf({ source }: Pick<Bind, 'source'>): number | null {
  return typeof source !== 'string' && 'memoryBytes' in source ? source.memoryBytes : null;
}

/** The binds of a request, each as text or in parts. Throws `bad-bind`. */
export function parseBinds(given: readonly (string | HostBind)[], cwd: string | null): readonly Bind[] {
  return given.map((bind) => (typeof bind === 'string' ? parseBind(bind, cwd) : resolveBind(bind, cwd)));
}

/** Throws `bad-bind` for two that would lie at one place. */
export function checkTargets(binds: readonly Bind[]): readonly Bind[] {
  const twice = binds.find((bind, index) => binds.findIndex((other) => other.target === bind.target) < index);
  if (twice !== undefined) throw new IsolateError('bad-bind', `Two binds have the target ${JSON.stringify(twice.target)}.`);
  return binds;
}

/**
 * A bind from `HOST[:GUEST][:ro|:rw]`; without GUEST the path is the same inside. `\:` is a colon and `\\` a backslash of a path; any other backslash stands for itself.
 * A relative HOST starts at `cwd`. Throws `bad-bind`.
 */
export function parseBind(text: string, cwd: string | null): HostBind {
  const parts = splitAtColons(text);
  const mode = parts.length > 1 && isMode(parts.at(-1)) ? parts.pop() : 'rw';
  const [source, target, ...more] = parts;
  if (source === undefined || more.length > 0) {
    throw new IsolateError('bad-bind', `${JSON.stringify(text)} is not a bind; write HOST:GUEST, HOST:GUEST:ro or HOST.`, {
      hint: 'write a colon in a path as \\:',
    });
  }
  // The path as given, with its links, because programs know it under this name.
  const inside = target ?? parseHostPath('bad-bind', 'The bind source', source, cwd);
  return resolveBind({ source, target: inside, readOnly: mode === 'ro' }, cwd);
}

/** A bind given in parts, checked as `parseBind` does. Throws `bad-bind`. */
function resolveBind(bind: HostBind, cwd: string | null): HostBind {
  const source = parseHostPath('bad-bind', 'The bind source', bind.source, cwd);
  return { source, target: parseTarget(bind.target, 'bind', JSON.stringify(bind.source)), readOnly: bind.readOnly };
}

/** A memory file system from `TARGET[:SIZE]`; `\\:` is a colon of TARGET. Throws `bad-bind`, `usage`. */
export function parseTmpfs(text: string): Bind {
  const [target = '', size = defaultTmpfsSize, ...more] = splitAtColons(text);
  if (more.length > 0) throw new IsolateError('bad-bind', `${JSON.stringify(text)} is not TARGET or TARGET:SIZE.`);
  return { source: { memoryBytes: parseSize('--tmpfs', size) }, target: parseTarget(target, '--tmpfs', 'A tmpfs'), readOnly: false };
}

/** As large as the /tmp that an engine makes. */
export const defaultTmpfsSize = '1G';

/** A path inside at which something is shown; `what` it is, and from which `source`, for messages. Throws `bad-bind`. */
export function parseTarget(text: string, what: string, source: string): string {
  const target = parseSandboxPath('bad-bind', `The ${what} target`, text);
  if (target !== '/') return target;
  throw new IsolateError('bad-bind', `${source} cannot be bound over / of the sandbox.`, { hint: '-t runs on a directory of the host' });
}

/** What may come last; neither can be a path of the sandbox, which is absolute. */
function isMode(text: string | undefined): text is 'ro' | 'rw' {
  return text === 'ro' || text === 'rw';
}

function splitAtColons(text: string): string[] {
  const parts = [''];
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    const next = text.charAt(index + 1);
    const escaped = character === '\\' && (next === ':' || next === '\\');
    if (character === ':') {
      parts.push('');
    } else {
      parts[parts.length - 1] += escaped ? next : character;
      index += escaped ? 1 : 0;
    }
  }
  return parts;
}

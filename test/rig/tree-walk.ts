import { spawnSync } from 'node:child_process';
import { type BigIntStats, lstatSync, readFileSync, readlinkSync } from 'node:fs';

import { listPaths } from './random-tree.ts';

/** What differs between two trees by a walk that has nothing in common with isolate's: paths as latin1, and snapper's letters. */
export function walkBoth(base: string, other: string): readonly (readonly [path: string, letters: string])[] {
  const paths = [...new Set(['.', ...listPaths(base), ...listPaths(other)])];
  const attributes = [readAttributes(base), readAttributes(other)] as const;
  return paths
    .map((path) => [path, lettersOf(path, [base, other], attributes)] as const)
    .filter(([, letters]) => letters !== '')
    .toSorted(([one], [two]) => (sortKey(one) < sortKey(two) ? -1 : 1));
}

/** As a walk has them: what is in a directory follows it. */
function sortKey(path: string): string {
  return path === '.' ? '' : path.replaceAll('/', '\0');
}

type Attributes = ReadonlyMap<string, ReadonlyMap<string, string>>;

function lettersOf(path: string, roots: readonly [string, string], attributes: readonly [Attributes, Attributes]): string {
  const [base, other] = roots.map((root) => statOf(root, path));
  if (base === undefined || other === undefined) return base === other ? '' : base === undefined ? '+' : '-';
  const letters: string[] = [];
  const sameType = (base.mode & 0o170000n) === (other.mode & 0o170000n);
  if (!sameType) letters.push('t');
  else if (contentOf(roots[0], path, base) !== contentOf(roots[1], path, other)) letters.push('c');
  if (!base.isSymbolicLink() && !other.isSymbolicLink() && (base.mode & 0o7777n) !== (other.mode & 0o7777n)) letters.push('p');
  if (base.uid !== other.uid) letters.push('u');
  if (base.gid !== other.gid) letters.push('g');
  const [left, right] = attributes.map((each) => each.get(path) ?? new Map<string, string>());
  const differing = [...new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])])].filter(
    (name) => left?.get(name) !== right?.get(name),
  );
  if (differing.some((name) => !name.startsWith('system.posix_acl'))) letters.push('x');
  if (differing.some((name) => name.startsWith('system.posix_acl'))) letters.push('a');
  return letters.join('');
}

function statOf(root: string, path: string): BigIntStats | undefined {
  try {
    return lstatSync(bytesOf(root, path), { bigint: true });
  } catch {
    return undefined;
  }
}

function contentOf(root: string, path: string, stat: BigIntStats): string {
  if (stat.isFile()) return readFileSync(bytesOf(root, path), 'latin1');
  if (stat.isSymbolicLink()) return readlinkSync(bytesOf(root, path), 'latin1');
  return stat.isCharacterDevice() || stat.isBlockDevice() ? String(stat.rdev) : '';
}

/** getfattr(1) writes bytes that are no plain text as `\ooo`. */
function readAttributes(root: string): Attributes {
  const words = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'];
  const { stdout: output, stderr } = spawnSync('getfattr', words, { cwd: root, encoding: 'latin1', maxBuffer: 2 ** 30 });
  // zfs-fuse has none of symbolic links.
  const failures = stderr.split('\n').filter((line) => line !== '' && !line.endsWith(': Operation not supported'));
  if (failures.length > 0) throw new Error(failures.join('\n'));
  const found = new Map<string, Map<string, string>>();
  for (const block of output.split('\n\n')) {
    const [title = '', ...lines] = block.split('\n');
    if (!title.startsWith('# file: ')) continue;
    const path = title
      .slice(8)
      .replaceAll(/\\(\d{3}|\\)/g, (_, octal: string) => (octal === '\\' ? '\\' : String.fromCharCode(Number.parseInt(octal, 8))));
    found.set(
      path.replace(/^\.\//, ''),
      new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])),
    );
  }
  return found;
}

function bytesOf(root: string, path: string): Buffer {
  return Buffer.from(`${root}/${path}`, 'latin1');
}

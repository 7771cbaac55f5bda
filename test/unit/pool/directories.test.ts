import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensurePoolDirectories, ensureRuntimeDirectories } from '../../../src/pool/directories.ts';
import { formatHolder, readBootId, readOwnHolder } from '../../../src/pool/holder.ts';
import { poolPaths, runtimePaths } from '../../../src/pool/paths.ts';
import { openPoolFiles } from '../../../src/pool/pool.ts';
import { sweepGoneDirectories } from '../../../src/upkeep/sweep-directories.ts';

const uid = process.getuid?.() ?? 0;
let parent: string;
let root: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'isolate-run-'));
  root = join(parent, 'run');
});
afterEach(() => rmSync(parent, { recursive: true }));

const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('the state directories', () => {
  test('are made with the modes they need, whatever the umask', () => {
    const paths = runtimePaths(root);
    const pool = poolPaths(paths, 'tank/t');
    const umask = process.umask(0o077);
    try {
      ensureRuntimeDirectories(paths, uid);
      process.umask(0);
      ensurePoolDirectories(pool, uid);
      ensureRuntimeDirectories(paths, uid);
    } finally {
      process.umask(umask);
    }
    const open = [paths.root, paths.sandbox].map(mode);
    const closed = [
      paths.signals,
      paths.mounts,
      paths.pools,
      paths.ids,
      paths.runs,
      pool.directory,
      pool.fresh,
      pool.leased,
      pool.retired,
      pool.mounts,
    ].map(mode);
    expect({ open: new Set(open), closed: new Set(closed) }).toEqual({ open: new Set(['755']), closed: new Set(['700']) });
  });

  test('are closed again when they were opened', () => {
    const paths = runtimePaths(root);
    ensureRuntimeDirectories(paths, uid);
    chmodSync(paths.mounts, 0o755);
    ensureRuntimeDirectories(paths, uid);
    expect(mode(paths.mounts)).toBe('700');
  });

  test('are refused while another pid namespace has claims in them, and else become ours', () => {
    const paths = runtimePaths(root);
    const file = join(root, 'pidns');
    ensureRuntimeDirectories(paths, uid);
    const own = readFileSync(file, 'utf8');
    const attempt = (namespace: string, bootId: string): string => {
      writeFileSync(file, `${namespace} ${bootId}\n`);
      try {
        ensureRuntimeDirectories(paths, uid);
      } catch (error) {
        return (error as Error).message;
      }
      return readFileSync(file, 'utf8') === own ? 'ours' : 'not ours';
    };
    const bootId = readBootId();
    const unclaimed = attempt('pid:[1]', bootId);
    const pool = poolPaths(paths, 'tank/t');
    ensurePoolDirectories(pool, uid);
    const refused = [join(paths.runs, '0123456789abcdef'), join(pool.leased, '1'), pool.lock, paths.mountLock].map((claim) => {
      const path = `${claim}.${formatHolder(readOwnHolder())}`;
      writeFileSync(path, '');
      const message = attempt('pid:[1]', bootId);
      const earlier = attempt('pid:[1]', '01234567-89ab-cdef-0123-456789abcdef');
      rmSync(path);
      return [message, earlier];
    });
    const message = `The state directory ${root} belongs to another pid namespace, where it is in use.`;
    expect({ unclaimed, refused }).toEqual({ unclaimed: 'ours', refused: Array.from({ length: 4 }, () => [message, 'ours']) });
    expect({ mode: mode(file), entries: readdirSync(root).filter((name) => name.startsWith('pidns')) }).toEqual({
      mode: '600',
      entries: ['pidns'],
    });
  });

  test.each(['root', 'pools', 'mounts', 'sandbox'] as const)(
    'are refused when %s is a symbolic link, a file, or open to others',
    (name) => {
      const paths = runtimePaths(root);
      const path = paths[name];
      const attempt = (make: () => void): string => {
        rmSync(root, { recursive: true, force: true });
        if (name !== 'root') mkdirSync(root);
        make();
        try {
          ensureRuntimeDirectories(paths, uid);
          return 'accepted';
        } catch (error) {
          return (error as Error).message;
        }
      };
      mkdirSync(join(parent, 'elsewhere'));
      expect([
        attempt(() => symlinkSync(join(parent, 'elsewhere'), path)),
        attempt(() => mkdirSync(path) ?? chmodSync(path, 0o777)),
        attempt(() => mkdirSync(path) ?? chmodSync(path, 0o770)),
      ]).toEqual([
        `The state directory ${path} is not a directory.`,
        `The state directory ${path} can be written by other users.`,
        `The state directory ${path} can be written by other users.`,
      ]);
      if (uid === 0)
        expect(attempt(() => mkdirSync(path) ?? chownSync(path, 65534, 0))).toBe(`The state directory ${path} belongs to uid 65534.`);
    },
  );
});

test('the state of a template directory that is gone is removed, unless something runs on it', () => {
  const root = mkdtempSync(join(tmpdir(), 'isolate-gone-'));
  const runtime = runtimePaths(join(root, 'run'));
  const [gone, used, there] = ['gone', 'used', 'there'].map((name) => openPoolFiles({ template: join(root, name), runtime }));
  mkdirSync(join(root, 'there'));
  writeFileSync(join(used?.paths.leased ?? '', 'x'), '');
  sweepGoneDirectories(runtime);
  expect([gone, used, there].map((pool) => existsSync(pool?.paths.directory ?? ''))).toEqual([false, true, true]);
  rmSync(root, { recursive: true });
});

import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Connection } from '../../../src/daemon/connection.ts';
import { handleLease, handleMount } from '../../../src/daemon/lease-session.ts';
import type { DaemonLease, LeaseRequest } from '../../../src/daemon/lease.ts';
import type { LeaseOutcome } from '../../../src/daemon/held.ts';
import { createRunGroups } from '../../../src/daemon/run-groups.ts';
import type { Tree } from '../../../src/daemon/tree.ts';
import { rootfsOf, type TreePart } from '../../../src/rootfs/rootfs.ts';
import { IsolateError } from '../../../src/error.ts';
import { resolveBeneath } from '../../../src/host/resolve-beneath.ts';
import { wholeMountpoints } from '../../../src/run/look-into-root.ts';
import { runtimePaths } from '../../../src/pool/paths.ts';
import { openPoolFiles } from '../../../src/pool/pool.ts';
import { formatCloneRecord, formatLeaseName } from '../../../src/pool/state/state-file.ts';
import { type Item, type Message, values } from '../../../src/wire/frame.ts';
import { parseLeased } from '../../../src/run/leased.ts';

const user = { uid: 54_321, gid: 54_322, rights: 'user' } as const;

const place = { version: 1, directory: '/sys/fs/cgroup/somewhere' } as const;
const groups = createRunGroups(() => ({ cpu: place, memory: place, pids: null, others: [] }));

let tree: string;
let released: (LeaseOutcome | undefined)[];
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'isolate-clone-'));
  released = [];
  for (const name of ['etc', 'proc', 'sys', 'dev', 'tmp', 'home']) mkdirSync(join(tree, name));
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

interface Served {
  readonly sent: readonly Message[];
  readonly asked: readonly Partial<LeaseRequest>[];
  readonly connection: Connection;
}

const naturalTree = (): TreePart => ({ kind: 'tree', source: tree, ownership: { kind: 'natural' }, idmappable: true });

async function serve(
  targets: readonly string[],
  part: Partial<TreePart> = {},
  peer: { uid: number; gid: number } = user,
  limits: readonly string[] = [],
): Promise<Served> {
  const sent: Message[] = [];
  const asked: Partial<LeaseRequest>[] = [];
  const lease = {
    id: '7',
    peer,
    run: { runId: '0123456789abcdef' },
    rootfs: rootfsOf({ ...naturalTree(), ...part }),
    seenAt: tree,
    checked: null,
    defer: () => {},
    release: (outcome?: LeaseOutcome) => void released.push(outcome),
  } as unknown as DaemonLease;
  const connection = {
    peer,
    closed: new AbortController().signal,
    lease: null,
    trees: [],
    send: (name: Message['name'], items: readonly Item[] = []) => void sent.push({ name, items }),
  } as unknown as Connection;
  const message: Message = {
    name: 'lease',
    items: [
      { name: 'template', value: 'tank/t' },
      { name: 'wait-ms', value: 500 },
      { name: 'engine', value: 'bwrap' },
      { name: 'argument', value: 'ls' },
      ...targets.map((value): Item => ({ name: 'target', value })),
      ...limits.map((value): Item => ({ name: 'limit', value })),
    ],
  };
  const lend = async ({ template, engine, command, waitMs }: LeaseRequest): Promise<DaemonLease> => {
    asked.push({ template, engine, command, waitMs });
    return lease;
  };
  await handleLease(connection, message, {
    leases: { lease: lend },
    groups,
    sessions: { openBase: () => Promise.reject(new Error('Nobody wants it.')) },
  });
  return { sent, asked, connection };
}

function settled({ sent }: Served, count: number): readonly string[] {
  const [answer] = sent;
  if (answer === undefined) throw new Error('no answer');
  const { view } = parseLeased(values(answer, 'json')[0] ?? '', count);
  return view.targets.map((found) => (found instanceof IsolateError ? found.message : found.path));
}

test('a clone that can be mounted with other ids is handed over unchanged', async () => {
  const served = await serve(['/data']);
  expect(served.asked).toEqual([{ template: 'tank/t', engine: 'bwrap', command: ['ls'], waitMs: 500 }]);
  const maps = {
    uidMap: [{ inside: 0, outside: 54_321, count: 1 }],
    gidMap: [{ inside: 0, outside: 54_322, count: 1 }],
  };
  expect(served.connection.trees[0]).toEqual<Tree>({ uid: user.uid, gid: user.gid, idmapped: true, ...maps, path: tree });
  expect(served.sent.map(({ name }) => name)).toEqual(['leased']);
  expect(parseLeased(String(served.sent[0]?.items[0]?.value), 1)).toEqual({
    id: '7',
    run: '0123456789abcdef',
    path: tree,
    view: { mountpoints: wholeMountpoints, targets: [{ path: '/data', kind: 'missing' }], defaults: {} },
    ...maps,
  });
  expect(lstatSync(tree).uid).toBe(0);
});

test('a client that asks for limits is told the groups that it can join', async () => {
  const { sent } = await serve([], {}, user, ['memoryBytes=1000000']);
  expect(parseLeased(String(sent[0]?.items[0]?.value), 0).groups).toEqual({
    run: '0123456789abcdef',
    directories: [
      { path: '/sys/fs/cgroup/somewhere/isolate-0123456789abcdef', settings: [{ file: 'memory.limit_in_bytes', value: '1000000' }] },
    ],
  });
});

test('one that was made with its ids is handed over as it is', async () => {
  const maps = { uidMap: [{ inside: 0, outside: 54_321, count: 1 }], gidMap: [{ inside: 0, outside: 54_322, count: 1 }] };
  const { connection } = await serve([], { ownership: { kind: 'mapped', ...maps }, idmappable: false });
  expect(connection.trees[0]).toEqual<Tree>({ uid: user.uid, gid: user.gid, idmapped: false, ...maps, path: tree });
});

test('one with other owners is not handed over', async () => {
  await expect(serve([], { idmappable: false })).rejects.toMatchObject({ code: 'internal' });
  expect(released).toEqual([{ kind: 'failed', code: 'internal' }]);
});

test.each([
  [0, 1000],
  [1000, 0],
])('no clone is handed to %i:%i', async (uid, gid) => {
  await expect(serve([], {}, { uid, gid })).rejects.toMatchObject({ code: 'not-permitted' });
  expect(released).toEqual([]);
});

test.each([
  ['up and out', '/../../../etc/cron.d/x', '/etc/cron.d/x'],
  ['an absolute link', '/absolute/x', '/etc/x'],
  ['a relative link', '/relative/x', '/etc/x'],
  ['a link to a link', '/twice/x', '/etc/x'],
  ['what an engine mounts over', '/dev/link/../x', '/dev/x'],
])('%s ends in the clone', async (_what, target, expected) => {
  symlinkSync('/etc', join(tree, 'absolute'));
  symlinkSync('../../../../../../etc', join(tree, 'relative'));
  symlinkSync('absolute', join(tree, 'twice'));
  symlinkSync('/etc', join(tree, 'dev/link'));
  expect(settled(await serve([target]), 1)).toEqual([expected]);
});

test.each([
  ['a magic link', '/magic/etc', 'bad-bind'],
  ["the processes' own files", '/proc/1/root/etc', 'bad-bind'],
  ['a loop', '/loop/x', 'bad-bind'],
  ['a file', '/file/x', 'bad-bind'],
  ['no absolute path', 'etc', 'bad-bind'],
])('%s is refused, and the clone is given back', async (_what, target, code) => {
  symlinkSync('/proc/self/root', join(tree, 'magic'));
  symlinkSync('loop', join(tree, 'loop'));
  writeFileSync(join(tree, 'file'), '');
  await expect(serve([target])).rejects.toMatchObject({ code });
  expect(released).toEqual([{ kind: 'failed', code }]);
});

test('a clone with a link at a mountpoint is refused', async () => {
  rmSync(join(tree, 'proc'), { recursive: true });
  symlinkSync('/etc', join(tree, 'proc'));
  await expect(serve([])).rejects.toMatchObject({ code: 'cannot-enforce' });
});

test('whatever links and dots it has, a target ends in the clone', async () => {
  const words = fc.constantFrom('..', '.', '', 'a', 'b', 'c', 'etc', '...');
  const paths = fc.array(words, { maxLength: 8 }).map((parts) => `/${parts.join('/')}`);
  await fc.assert(
    fc.asyncProperty(fc.record({ a: paths, b: paths, c: paths }), paths, async (links, target) => {
      for (const [name, to] of Object.entries(links)) {
        rmSync(join(tree, name), { force: true });
        symlinkSync(name === 'b' ? `..${to}` : to, join(tree, name));
      }
      try {
        const [found = ''] = settled(await serve([target]), 1);
        expect(found.split('/').slice(1)).not.toContain('..');
        expect(resolveBeneath(tree, found)).toBe(found);
        expect(existsSync(join(tree, found)) ? lstatSync(join(tree, found)).isSymbolicLink() : false).toBe(false);
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-bind' });
      }
    }),
    { numRuns: 200 },
  );
});

test('others are served while a thousand targets are looked up', async () => {
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  await serve(Array.from({ length: 1000 }, () => `/${'etc/../'.repeat(500)}x`));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(100);
});

test('nothing is mounted for a connection without a clone, nor where the clone is no longer what was leased', async () => {
  const sent: Tree[] = [];
  const sendTree = async (given: Tree): Promise<void> => void sent.push(given);
  const connection = { lease: null, trees: [], sendTree } as unknown as Connection;
  await expect(handleMount(connection, 0)).rejects.toMatchObject({ code: 'not-permitted' });

  const pool = openPoolFiles({ template: 'tank/t', runtime: runtimePaths(join(tree, 'run')) });
  const mounted = { ...connection, lease: { id: '7', seenAt: tree, pool } as unknown as DaemonLease, trees: [{ path: tree } as Tree] };
  const { dev: device, ino: inode } = lstatSync(tree);
  const rootfs = { parts: [{ kind: 'tree', source: tree, ownership: { kind: 'natural' }, idmappable: true }] } as const;
  const state = { id: '7', guid: '1', source: 's', rootfs, createdMs: 0, device, inode };
  const file = join(pool.paths.leased, formatLeaseName('7', pool.holder));
  writeFileSync(file, formatCloneRecord({ ...state, inode: inode + 1 }));
  await expect(handleMount(mounted, 0)).rejects.toMatchObject({ code: 'template-not-mounted' });
  writeFileSync(file, formatCloneRecord(state));
  await handleMount(mounted, 0);
  expect(sent).toEqual([{ path: tree, device }]);
});

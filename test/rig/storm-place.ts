import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readMounts } from '../../src/host/read-mounts.ts';
import { mountByDaemon } from '../../src/storage/zfs/fuse-mount.ts';
import { copyRootfs } from './rootfs.ts';
import { hashTree } from './tree-hash.ts';
import type { TestPool } from './zpool.ts';

/** What a template is, as somebody sees it who does not use isolate's code for templates. */
export interface SeenTemplate {
  readonly tree: string;
  /** Hashes of trees, by labels. */
  readonly snapshots: Readonly<Record<string, string>>;
}

export type SeenTemplates = Readonly<Record<string, SeenTemplate>>;

/** Where the templates of a storm are: `box` and `other`, and what verbs make. */
export interface StormPlace {
  readonly kind: 'directory' | 'dataset';
  /** What isolate calls the template of this name. */
  readonly address: (name: string) => string;
  /** There are only the first templates, as they were made. */
  readonly reset: () => Promise<void>;
  readonly look: () => Promise<SeenTemplates>;
  /** What is neither a template nor a snapshot. */
  readonly rubbish: () => Promise<readonly string[]>;
}

/** Trees of which the templates are made, the older one first. */
export function makeStormTrees(directory: string): readonly [older: string, newer: string] {
  const trees = ['older', 'newer'].map((state) => {
    const tree = join(directory, state);
    for (const name of ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp', 'usr/bin', 'var/tmp', 'many']) {
      mkdirSync(join(tree, name), { recursive: true });
    }
    execFileSync('cp', ['/bin/busybox', join(tree, 'bin/busybox')]);
    for (const applet of ['sh', 'mv', 'true', 'sleep']) execFileSync('ln', ['-s', 'busybox', join(tree, 'bin', applet)]);
    writeFileSync(join(tree, 'etc/os-release'), 'ID=debian\n');
    // Otherwise the first command that is run in it makes them, as places for mounts.
    for (const name of ['hosts', 'resolv.conf']) writeFileSync(join(tree, 'etc', name), '');
    writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    writeFileSync(join(tree, 'usr/bin/apt-get'), '#!/bin/sh\nfor file in /many/*; do echo upgraded > "$file"; done\n', { mode: 0o755 });
    for (let file = 0; file < 60; file += 1) writeFileSync(join(tree, 'many', String(file)), state);
    writeFileSync(join(tree, 'next'), state);
    execFileSync('chown', ['1000:1000', join(tree, 'many/1')]);
    return tree;
  });
  return [trees[0] ?? '', trees[1] ?? ''];
}

/** Directories in a directory that only root may enter. */
export async function directoryPlace(store: string, directory: string, [older, newer]: readonly [string, string]): Promise<StormPlace> {
  const pristine = join(directory, 'pristine');
  mkdirSync(pristine, { mode: 0o700 });
  for (const name of ['box', 'other']) {
    await copyRootfs(newer, join(pristine, name));
    mkdirSync(join(pristine, `.${name}@first`), { mode: 0o700 });
    await copyRootfs(older, join(pristine, `.${name}@first/tree`));
  }
  mkdirSync(store, { recursive: true, mode: 0o700 });
  const names = (): readonly string[] => readdirSync(store).filter((name) => !name.startsWith('.'));
  return {
    kind: 'directory',
    address: (name) => `${store}/${name}`,
    reset: async () => {
      for (const name of readdirSync(store)) rmSync(join(store, name), { recursive: true });
      execFileSync('cp', ['-a', `${pristine}/.`, store]);
    },
    look: async () =>
      Object.fromEntries(
        names().map((name) => {
          const labels = readdirSync(store).flatMap((entry) => (entry.startsWith(`.${name}@`) ? [entry.slice(name.length + 2)] : []));
          const snapshots = labels.map((label) => [label, hashTree(join(store, `.${name}@${label}`, 'tree'))] as const);
          return [name, { tree: hashTree(join(store, name)), snapshots: Object.fromEntries(snapshots) }];
        }),
      ),
    rubbish: async () => readdirSync(store).filter((name) => name.startsWith('.') && !/^\.(?:[^@]+)@[\w-]+$/.test(name)),
  };
}

/** Datasets in a dataset. Snapshots that were seen once are known by their guids. */
export async function datasetPlace(pool: TestPool, directory: string, trees: readonly [string, string]): Promise<StormPlace> {
  const parent = `${pool.name}/t`;
  const seed = `${pool.name}/seed`;
  const window = join(directory, 'window');
  const known = new Map<string, string>();
  await pool.zfs('create', seed);
  for (const [index, tree] of trees.entries()) {
    execFileSync('cp', ['-a', `${tree}/.`, join(pool.directory, 'pool/seed')]);
    await pool.zfs('snapshot', `${seed}@${index === 0 ? 'first' : 'second'}`);
  }
  await pool.zfs('create', '-o', 'canmount=off', parent);
  const receive = async (name: string, label: string): Promise<void> => {
    execFileSync('sh', ['-c', 'zfs send -R "$1" | zfs receive -u "$2"', 'sh', `${seed}@${label}`, `${parent}/${name}`]);
    await pool.zfs('set', 'canmount=off', `${parent}/${name}`);
    await pool.zfs('set', 'isolate:template=yes', `${parent}/${name}`);
  };
  const list = async (): Promise<readonly string[]> =>
    (await pool.zfs('list', '-H', '-r', '-d', '1', '-t', 'filesystem', '-o', 'name', parent)).trim().split('\n').slice(1);
  const hash = async (dataset: string): Promise<string> => {
    // zfs-fuse mounts nothing twice, and a killed process may have left it mounted.
    const mounted = readMounts().find(({ source }) => source === dataset);
    if (mounted !== undefined) return hashTree(mounted.mountpoint);
    await whenFree(() => mountByDaemon(dataset, window));
    try {
      return hashTree(window);
    } finally {
      await whenFree(async () => void execFileSync('umount', [window], { stdio: 'ignore' }));
    }
  };
  const hashSnapshot = async (snapshot: string, guid: string): Promise<string> => {
    const seen = known.get(guid);
    if (seen !== undefined) return seen;
    const clone = `${pool.name}/window`;
    await pool.zfs('clone', '-o', 'canmount=off', snapshot, clone);
    const found = await hash(clone);
    await whenFree(() => pool.zfs('destroy', clone));
    known.set(guid, found);
    return found;
  };
  /** With the datasets that hold what they were: those whose origins lead to them. */
  const familyOf = async (dataset: string): Promise<readonly string[]> => {
    const lines = (await pool.zfs('list', '-H', '-r', '-d', '1', '-t', 'filesystem', '-o', 'name,origin', parent)).trim().split('\n');
    const origins = new Map(lines.map((line) => [line.split('\t')[0] ?? '', (line.split('\t')[1] ?? '').split('@')[0] ?? '']));
    const found = new Set([dataset]);
    for (let size = 0; size < found.size;) {
      size = found.size;
      for (const [name, origin] of origins) if (name.includes('.isolate-old-') && found.has(origin)) found.add(name);
    }
    return [...found];
  };
  const snapshotsOf = async (dataset: string): Promise<Readonly<Record<string, string>>> => {
    const found: [string, string][] = [];
    for (const one of await familyOf(dataset)) {
      const text = await pool.zfs('get', '-H', '-p', '-r', '-d', '1', '-o', 'name,value', 'guid', one);
      for (const line of text.trim().split('\n')) {
        const [name = '', guid = ''] = line.split('\t');
        if (name.includes('@')) found.push([name.slice(name.indexOf('@') + 1), await hashSnapshot(name, guid)]);
      }
    }
    return Object.fromEntries(found);
  };
  return {
    kind: 'dataset',
    address: (name) => `${parent}/${name}`,
    reset: async () => {
      for (const mountpoint of mountsBelow('/run/isolate/templates')) execFileSync('umount', [mountpoint]);
      for (let left = await list(); left.length > 0; left = await list()) {
        for (const dataset of left) await pool.zfs('destroy', '-R', dataset).catch(() => sleep(20));
      }
      for (const name of ['box', 'other']) await receive(name, 'second');
      await receive('behind', 'first');
    },
    look: async () => {
      const seen: [string, SeenTemplate][] = [];
      for (const dataset of await list()) {
        const name = dataset.slice(parent.length + 1);
        if (/\.isolate-/.test(name)) continue;
        seen.push([name, { tree: await hash(dataset), snapshots: await snapshotsOf(dataset) }]);
      }
      return Object.fromEntries(seen);
    },
    rubbish: async () => {
      const owned = new Set<string>();
      const all = await list();
      for (const dataset of all) if (!/\.isolate-/.test(dataset)) for (const one of await familyOf(dataset)) owned.add(one);
      const set = (
        await pool.zfs('get', '-H', '-r', '-s', 'local', '-o', 'name,property,value', 'isolate:draft,isolate:step', parent)
      ).trim();
      const hidden = (await pool.zfs('list', '-H', '-r', '-t', 'snapshot', '-o', 'name', parent))
        .split('\n')
        .filter((name) => name.includes('@isolate-'));
      return [...all.filter((dataset) => !owned.has(dataset)), ...hidden, ...(set === '' ? [] : set.split('\n'))];
    },
  };
}

/** The mounts below a directory. */
export function mountsBelow(directory: string): readonly string[] {
  return readMounts().flatMap(({ mountpoint }) => (mountpoint.startsWith(`${directory}/`) ? [mountpoint] : []));
}

/** zfs-fuse ends an unmount some time after it answered. */
async function whenFree(action: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    try {
      await action();
      return;
    } catch {
      await sleep(20);
    }
  }
  await action();
}

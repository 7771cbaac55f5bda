import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { templateKey } from '../../src/pool/paths.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { isolate } from './isolate.ts';
import { temporaryTemplate } from './template.ts';
import { makeZfsTemplate } from './zfs-template.ts';

/** The ways a command line can take: the program in Node, and the daemon, which answers the client in C. */
export const ways = ['node', 'daemon'] as const;
export type Way = (typeof ways)[number];

export interface OpenWay {
  /** The options that name the root. */
  readonly root: readonly string[];
  /** Where the template lies. */
  readonly directory: string;
  readonly daemon: Daemon | null;
  readonly end: () => Promise<void>;
}

const poolSize = 12;

/** The first runs are not to wait for the first clones, which take their time where much else is going on. */
async function fillsUp(dataset: string): Promise<void> {
  const fresh = join('/run/isolate/pools', templateKey(dataset), 'fresh');
  // It is made once the dataset could be opened.
  while ((await readdir(fresh).catch(() => [])).length < poolSize) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Makes what a run on this way needs: a root that no run changes, `tree` or a copy of it, busybox unless given. */
export async function openWay(way: Way, tree?: string): Promise<OpenWay> {
  if (way === 'node') {
    const directory = tree ?? (await temporaryTemplate());
    return {
      root: ['-t', directory, '--read-only'],
      directory,
      daemon: null,
      end: () => (tree === undefined ? rm(directory, { recursive: true, force: true }) : Promise.resolve()),
    };
  }
  const template = await makeZfsTemplate(tree === undefined ? {} : { tree });
  const root = ['-z', template.dataset, '--wait', '60'];
  const daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = ${poolSize}\n`);
  await fillsUp(template.dataset);
  return {
    root,
    directory: template.directory,
    daemon,
    end: async () => {
      await daemon.end();
      await isolate(['refresh', '--force', '--skip-create', template.dataset]);
      await template.pool.end();
    },
  };
}

/** The same for the tests of a `describe`, opened before and ended after them; `tree` is asked then. */
export function useWay(name: Way, tree: () => string | undefined = () => undefined): Pick<OpenWay, 'root' | 'directory' | 'daemon'> {
  let opened: OpenWay | null = null;
  beforeAll(async () => {
    opened = await openWay(name, tree());
  });
  afterAll(async () => {
    await opened?.end();
  });
  const way = (): OpenWay => {
    if (opened === null) throw new Error(`The way ${name} is not open outside of a test.`);
    return opened;
  };
  return {
    get root() {
      return way().root;
    },
    get directory() {
      return way().directory;
    },
    get daemon() {
      return way().daemon;
    },
  };
}

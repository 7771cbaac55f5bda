import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Launch, ShelfTree } from '../../src/launch/launch.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { answerClients, installClient } from '../rig/client.ts';
import { finished } from '../rig/isolate.ts';
import { bwrapLaunch, isStaticLauncher, launcherPath, run, startedLaunch } from '../rig/launches.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { isMounted, makeClone, makePlace, startShelf } from '../rig/shelf.ts';

const sandbox = '/run/isolate/sandbox';

beforeAll(async () => {
  await launcherPath();
  mkdirSync(sandbox, { recursive: true, mode: 0o755 });
});

interface Shelved {
  readonly tree: ShelfTree;
  /** Where this process sees the clone. */
  readonly seenAt: string;
  readonly ask: (command: string) => Promise<number>;
}

/** A clone of busybox on a shelf of its own. */
async function shelve(): Promise<Shelved> {
  const { shelf, clones } = makePlace();
  const path = makeClone(clones, '1');
  await busyboxRootfs(path);
  chmodSync(path, 0o700);
  const shelfDevice = statSync(path).dev;
  const { child, ask } = await startShelf(shelf);
  expect(await ask(`put ${path}`)).toBe(0);
  return { tree: { shelf, shelfPath: path, shelfDevice }, seenAt: `/proc/${child.pid}/fd/${await ask('look')}${path}`, ask };
}

function launchOn(shelfTree: ShelfTree, script: string): Launch {
  const range = [{ inside: 0, outside: 1_600_000_000, count: 65_536 }];
  return bwrapLaunch(
    ['sh', '-c', script],
    {
      userNamespace: { writer: 'direct', uidMap: range, gidMap: range },
      mountNamespace: true,
      hostMounts: [{ kind: 'attach', source: '/clone', target: sandbox, flags: ['nosuid', 'nodev'], idmap: 'sandbox' }],
      shelfTree,
    },
    sandbox,
  );
}

const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');

describe.skipIf(!isStaticLauncher)('a tree on the shelf', () => {
  it('is the root of a launch, with the ids that this gives it, and is not mounted on the host', async () => {
    const { tree, seenAt, ask } = await shelve();
    const before = mounts();
    const script = 'touch /made; chown 5:6 /made; stat -c %u:%g /made; ls /proc/self/fd; read line';
    const { handle } = await startedLaunch(launchOn(tree, script), { stdio: { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' } });
    let output = '';
    handle.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await expect.poll(() => output).toBe('5:6\n0\n1\n2\n3\n');
    expect(mounts()).toBe(before);
    handle.stdin?.end('\n');
    expect(await handle.result).toEqual({ kind: 'exited', code: 0 });
    const { uid, gid } = statSync(join(seenAt, 'made'));
    expect({ uid, gid, left: readdirSync(sandbox), mounts: mounts() }).toEqual({ uid: 5, gid: 6, left: [], mounts: before });
    expect({ drop: await ask(`drop ${tree.shelfPath}`), isThere: existsSync(seenAt) }).toEqual({ drop: 0, isThere: false });
  });

  it.each<[string, string, (tree: ShelfTree) => ShelfTree]>([
    ['another device is mounted there', 'no such device', (tree) => ({ ...tree, shelfDevice: tree.shelfDevice + 1 })],
    ['a directory of the shelf is there', 'no such device', (tree) => ({ ...tree, shelfPath: join(tree.shelfPath, '..') })],
    ['nothing is there', 'no such file or directory', (tree) => ({ ...tree, shelfPath: `${tree.shelfPath}0` })],
    ['there is no shelf', 'no such file or directory', (tree) => ({ ...tree, shelf: `${tree.shelf}0` })],
  ])('is not attached where %s, and nothing is started', async (_, why, change) => {
    const { tree, seenAt } = await shelve();
    const running = run(launchOn(change(tree), 'touch /made'));
    await expect(running).rejects.toThrow(`The launch failed while taking ${change(tree).shelfPath} from the shelf: ${why}.`);
    expect(existsSync(join(seenAt, 'made'))).toBe(false);
  });

  it('is missed in the same words by the client', async () => {
    const { tree } = await shelve();
    const shelfTree = { ...tree, shelfDevice: tree.shelfDevice + 1 };
    await answerClients(async (talk) => {
      await talk.next();
      talk.send('launch', [{ name: 'record', value: encodeLaunchRecord(launchOn(shelfTree, 'true'), { supervised: false }) }]);
    });
    expect(await finished(spawn(await installClient(), { env: {}, stdio: ['ignore', 'pipe', 'pipe'] }))).toEqual({
      status: 125,
      signal: null,
      stdout: '',
      stderr: `isolate: The launch failed while taking ${tree.shelfPath} from the shelf: no such device.\n`,
    });
  });

  it('can be dropped from the shelf once its launcher was killed', async () => {
    const { tree, seenAt, ask } = await shelve();
    const before = mounts();
    const { handle, pid } = await startedLaunch(launchOn(tree, 'sleep 1000'));
    process.kill(handle.pid, 'SIGKILL');
    await handle.result.catch(() => undefined);
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    expect({ mounts: mounts(), isOnHost: isMounted(tree.shelfPath), isThere: existsSync(seenAt) }).toEqual({
      mounts: before,
      isOnHost: false,
      isThere: true,
    });
    await expect.poll(() => ask(`drop ${tree.shelfPath}`)).toBe(0);
  });
});

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { decodeMessage } from '../../src/wire/frame.ts';
import { startShelf } from '../rig/shelf.ts';
import { attackPath, descriptorCount, type Gate, openClient, operations, runAttack, startGate } from '../rig/gate.ts';

const uid = 4321;
type Map = readonly [number, number, number];
const ownMap: readonly Map[] = [
  [0, uid, 1],
  [1, 1_500_000_000, 65_535],
];

/** With two maps of each kind. */
const treeFrameBytes = 12 + 4 * (8 + 12);

interface Order {
  readonly uid?: number;
  readonly idmap?: boolean;
  readonly uidMaps?: readonly Map[];
  readonly gidMaps?: readonly Map[];
  readonly device?: number;
  readonly path: string;
}

function encodeOrder({ uid: user = uid, idmap = true, uidMaps = ownMap, gidMaps = ownMap, device, path }: Order): Buffer {
  const clone = device ?? statSync(path, { throwIfNoEntry: false })?.dev ?? 0;
  const numbers = [user, user, Number(idmap), uidMaps.length, gidMaps.length, clone, ...uidMaps.flat(), ...gidMaps.flat()];
  const body = Buffer.alloc(4 * numbers.length);
  numbers.forEach((value, index) => body.writeUInt32LE(value, 4 * index));
  return Buffer.concat([body, Buffer.from(path)]);
}

/** A clone on a file system of its own, with one of the host's devices in it. */
function makeClone(): string {
  const directory = mkdtempSync(join(tmpdir(), 'clone-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', directory]);
  onTestFinished(() => void spawnSync('umount', ['--lazy', directory]));
  writeFileSync(join(directory, 'file'), 'of the template', { mode: 0o600 });
  mkdirSync(join(directory, 'directory'));
  execFileSync('mknod', [join(directory, 'device'), 'c', '1', '3']);
  chmodSync(join(directory, 'device'), 0o666);
  return directory;
}

/** A client of the user asks for a tree; the daemon answers with this order. Returns what became of the client's attempts. */
async function takeTree(gate: Gate, order: Order): Promise<Record<string, string>> {
  const attack = runAttack(['take-tree', String(uid), gate.clients]);
  const opened = await gate.next();
  expect(await gate.next()).toMatchObject({ operation: operations.message });
  gate.send(opened.connection, operations.tree, encodeOrder(order));
  return await attack;
}

async function askForTree(gate: Gate, order: Order | Uint8Array): Promise<{ step: number; errno: number }> {
  const child = spawn(await attackPath(), ['take-tree', String(uid), gate.clients], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { connection } = await gate.next();
  await gate.next();
  gate.send(connection, operations.tree, 'path' in order ? encodeOrder(order) : order);
  const { operation, body } = await gate.next();
  expect(operation).toBe(operations.failed);
  gate.send(connection, operations.close);
  await gate.next();
  return { step: body.readUInt32LE(0), errno: body.readUInt32LE(4) };
}

const permitted = {
  attach: 'done',
  read: 'done',
  content: 'of the template',
  write: 'done',
  chown: 'done',
  owner: '0 0',
  flags: '1 1',
  // Only who mounted it could.
  'clear nodev of a copy before': 'EINVAL',
  'mount on it': 'done',
  'make a device': 'EPERM',
  'map ids anew': 'EPERM',
};
const undone = [
  'clear nodev before',
  'remount',
  'remount nodev alone',
  'clear nodev',
  'clear nosuid',
  'clear nodev of a copy',
  "clear nodev of a directory's copy",
  'clear nodev of a bind',
  'clear nodev in a namespace below',
];

describe('a tree that is handed to a user', () => {
  beforeAll(async () => void (await attackPath()));

  it('is written by the user as root inside, and keeps nosuid and nodev whatever the user does', async () => {
    const clone = makeClone();
    const { frame, ...attempts } = await takeTree(await startGate(), { path: clone });
    const message = decodeMessage(Buffer.from(frame ?? '', 'hex'), 'daemon');
    const maps = (name: string): number[][] =>
      message.items
        .filter((item) => item.name === name)
        .map(({ value }) => [...new Uint32Array(new Uint8Array(value as Uint8Array).buffer)]);
    expect({ name: message.name, uid: maps('uid-map'), gid: maps('gid-map') }).toEqual({ name: 'tree', uid: ownMap, gid: ownMap });
    expect(attempts).toEqual({
      ...permitted,
      ...Object.fromEntries(undone.map((attempt) => [attempt, 'EPERM'])),
      'open the device before': 'EACCES',
      'open the device': 'EACCES',
      'open the device through an overlay': 'EACCES',
    });
    const made = statSync(join(clone, 'made'));
    expect([made.uid, made.gid, readdirSync(join(clone, 'directory'))]).toEqual([5, 6, []]);
  });

  it('would lose them if it had not been locked', async () => {
    const attempts = await runAttack(['own-tree', String(uid), makeClone()]);
    expect(Object.fromEntries(undone.map((attempt) => [attempt, attempts[attempt]]))).toEqual({
      ...Object.fromEntries(undone.map((attempt) => [attempt, 'done'])),
      // Here the kernel has locked it.
      'clear nodev in a namespace below': 'EPERM',
    });
  });

  it('has the owners on disk if ids are not mapped', async () => {
    const clone = makeClone();
    for (const name of ['', 'file', 'directory']) execFileSync('chown', [`${uid}:${uid}`, join(clone, name)]);
    const attempts = await takeTree(await startGate(), { path: clone, idmap: false });
    expect({ owner: attempts['owner'], content: attempts['content'], nodev: attempts['clear nodev'] }).toEqual({
      owner: '0 0',
      content: 'of the template',
      nodev: 'EPERM',
    });
    expect(statSync(join(clone, 'made')).uid).toBe(1_500_000_004);
  });

  it('is refused with ids of the host’s root or duplicate ids', async () => {
    const gate = await startGate();
    const path = makeClone();
    const orders: Partial<Order>[] = [
      { uidMaps: [[0, 0, 1]] },
      { gidMaps: [[0, 0, 5]] },
      { uidMaps: [] },
      { uidMaps: [[0, 1000, 0]] },
      { uidMaps: [[5, 4_294_967_290, 10]] },
      { uidMaps: [[4_294_967_290, 5, 10]] },
      { uidMaps: [[0, 1000, 2], [1, 3000, 1]] },
      { gidMaps: [[0, 1000, 2], [7, 1001, 1]] },
      { uid: 0 },
    ]; // prettier-ignore
    for (const order of orders) expect([order, await askForTree(gate, { path, ...order })]).toEqual([order, { step: 3, errno: 22 }]);
    expect(await askForTree(gate, Buffer.alloc(19))).toEqual({ step: 3, errno: 22 });
    expect(await askForTree(gate, encodeOrder({ path: '' }))).toEqual({ step: 3, errno: 22 });
  });

  it('is of a directory that no link leads to', async () => {
    const gate = await startGate();
    const clone = makeClone();
    const link = join(mkdtempSync(join(tmpdir(), 'link-')), 'link');
    symlinkSync(clone, link);
    expect(await askForTree(gate, { path: link })).toEqual({ step: 1, errno: 40 });
    expect(await askForTree(gate, { path: join(clone, 'file') })).toEqual({ step: 1, errno: 20 });
    expect(await askForTree(gate, { path: join(clone, 'none') })).toEqual({ step: 1, errno: 2 });
  });

  it('is not what is left of a clone that went before its turn: the directory of the host', async () => {
    const gate = await startGate();
    const path = makeClone();
    const device = statSync(path).dev;
    expect(await askForTree(gate, { path: join(path, '..'), device })).toEqual({ step: 1, errno: constants.errno.ENODEV });
    expect(await takeTree(gate, { path, device })).toMatchObject({ attach: 'done' });
  });

  it('is taken from the shelf, where the host does not see it', async () => {
    const path = makeClone();
    const { dev: device } = statSync(path);
    const place = mkdtempSync(join(tmpdir(), 'shelf-'));
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', place]);
    onTestFinished(() => void execFileSync('umount', ['--lazy', '--recursive', place]));
    const shelf = join(place, 'shelf');
    const gate = await startGate(['--shelf', shelf]);
    expect(await takeTree(gate, { path, device })).toMatchObject({ attach: 'done', content: 'of the template' });
    await gate.next();
    const { ask } = await startShelf(shelf);
    expect({ put: await ask(`put ${path}`), seen: readdirSync(path) }).toEqual({ put: 0, seen: [] });
    expect(await takeTree(gate, { path, device })).toMatchObject({ attach: 'done', content: 'of the template' });
    await gate.next();
    expect(await ask(`drop ${path}`)).toBe(0);
    expect(await askForTree(gate, { path, device })).toEqual({ step: 1, errno: constants.errno.ENODEV });
  });

  it('comes to root as it is, without a user namespace', async () => {
    const gate = await startGate();
    const client = await openClient(gate);
    gate.send(client.number, operations.tree, encodeOrder({ uid: 0, uidMaps: [], gidMaps: [], path: makeClone() }));
    gate.send(client.number, operations.close);
    expect(decodeMessage(await client.ended, 'daemon')).toEqual({ name: 'tree', items: [] });
  });

  it.each(['SIGSTOP', 'SIGKILL'] as const)('is not held up by a user that sends %s to all that it may', async (signal) => {
    const gate = await startGate();
    const path = makeClone();
    const args = ['harass', String(uid), String(constants.signals[signal])];
    const harasser = spawn(await attackPath(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void harasser.kill('SIGKILL'));
    await once(harasser.stdout, 'data');
    const client = await openClient(gate);
    const orders = Buffer.from(encodeOrder({ path }));
    for (let i = 0; i < 150; i++) gate.send(client.number, operations.tree, orders);
    gate.send(client.number, operations.close);
    const trees = (await client.ended).length / treeFrameBytes;
    harasser.stdin.end();
    const [found] = (await once(harasser.stdout, 'data')) as [Buffer];
    expect(Number(found)).toBeGreaterThan(0);
    // A user who kills the holder of the namespace has none.
    for (let i = trees; i < 150; i++) expect([2, 3]).toContain((await gate.next()).body.readUInt32LE(0));
    expect(await gate.next()).toMatchObject({ operation: operations.closed });
    expect(signal === 'SIGSTOP' ? trees : 150).toBe(150);
  });

  it('leaves no descriptor, no process and no mount with the broker', async () => {
    const gate = await startGate();
    const clone = makeClone();
    const broker = gate.child.pid ?? 0;
    const look = (): unknown => ({
      descriptors: descriptorCount(broker),
      children: String(gate.front()),
      identity: execFileSync('grep', ['-E', '^(Uid|Gid|CapEff):', `/proc/${broker}/status`], { encoding: 'utf8' }),
      mounts: execFileSync('cat', [`/proc/${broker}/mountinfo`], { encoding: 'utf8' }),
    });
    await takeTree(gate, { path: clone });
    await gate.next();
    const before = look();
    for (let i = 0; i < 5; i++) {
      await takeTree(gate, { path: clone });
      await gate.next();
    }
    expect(look()).toEqual(before);
    expect(existsSync(join(clone, 'made'))).toBe(true);
  });
});

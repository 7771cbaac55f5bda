import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { before, test as register } from 'node:test';
import type { IsolateError } from '../../src/error.ts';
import { classifyZfs } from '../../src/storage/zfs/classify.ts';
import { make, makePool, makeTemplate, mounts, open, record, recordFailure, takeId, tool, zfs } from './pools.ts';
import { placeOf } from '../../src/rootfs/rootfs.ts';

const test = (title: string, action: () => Promise<void>): void => void register(title, action);

/** What `zfs version` is to tell: `2.3`. */
const wanted = process.argv[2] ?? '';
const failsWith =
  (code: string, message: string) =>
  (error: IsolateError): boolean => {
    assert.deepEqual({ code: error.code, message: error.message }, { code, message });
    return true;
  };

/** Starts a process and waits until it is ready: until it printed something. */
async function start(...command: readonly string[]): Promise<ChildProcess> {
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

before(async () => {
  await makePool('tank', '1G');
});

test('recognises the module and what it can do', async () => {
  const driver = await makeTemplate('tank/open/t');
  const { freeFraction, ...health } = await driver.probe();
  assert.equal(health.implementation, 'OpenZFS');
  assert.match(health.version, new RegExp(`^${wanted.replace('.', '[.]')}[.]`));
  assert.ok(freeFraction !== null && freeFraction > 0.5 && freeFraction <= 1);
  assert.deepEqual(driver.capabilities, {
    batchDestroy: false,
    parallelCreates: 4,
    busyDetection: true,
    idmappedMounts: true,
    pooled: true,
  });
});

test('takes the newest snapshot by transaction, not one that is to go with its clones', async () => {
  const driver = await makeTemplate('tank/newest/t');
  await zfs('snapshot', 'tank/newest/t@0');
  assert.equal((await driver.newestSource()).name, 'tank/newest/t@0');
  const [made] = await make(driver, takeId());
  await zfs('destroy', '-d', 'tank/newest/t@0');
  assert.equal((await driver.newestSource()).name, 'tank/newest/t@1');
  assert.deepEqual(await driver.destroy([made.clone]), [{ id: made.id, outcome: 'gone' }]);
  assert.equal(await zfs('list', '-H', '-o', 'name', '-t', 'snapshot', 'tank/newest/t'), 'tank/newest/t@1\n');
});

test('makes, lists, mounts again and destroys a batch', async () => {
  const driver = await makeTemplate('tank/batch/t');
  const ids = [takeId(), takeId(), takeId(), takeId(), takeId()];
  const made = await make(driver, ...ids);
  for (const { id, rootfs, clone } of made) {
    assert.deepEqual(rootfs.parts, [{ kind: 'tree', source: `${mounts}/${id}`, ownership: { kind: 'natural' }, idmappable: true }]);
    assert.deepEqual(readdirSync(placeOf(rootfs)), ['hello']);
    assert.deepEqual(
      { marked: clone.marked, kept: clone.kept, source: clone.source },
      { marked: true, kept: false, source: 'tank/batch/t@1' },
    );
  }
  writeFileSync(`${mounts}/${ids[0]}/hello`, 'changed');
  assert.equal(readFileSync(`${mounts}/${ids[1]}/hello`, 'utf8'), 'hello\n');
  // Neighbours that are not clones of ours.
  await zfs('create', '-V', '16M', '-s', 'tank/batch/t_17953122440000000777');
  await zfs('create', 'tank/batch/t_17953122440000000778');
  await zfs('set', 'isolate:keep=one\ntwo\tthree', 'tank/batch/t_17953122440000000778');
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  assert.deepEqual((await driver.list()).toSorted(byId), made.map(({ clone }) => clone).toSorted(byId));
  const marks = await zfs(
    'get',
    '-H',
    '-o',
    'property,value,source',
    'isolate:template,com.sun:auto-snapshot,org.openzfs.systemd:ignore,canmount',
    `tank/batch/t_${ids[0]}`,
  );
  assert.equal(
    marks,
    'isolate:template\ttank/batch/t\tlocal\ncom.sun:auto-snapshot\tfalse\tlocal\norg.openzfs.systemd:ignore\ton\tlocal\ncanmount\tnoauto\tlocal\n',
  );
  await zfs('unmount', `tank/batch/t_${ids[0]}`);
  assert.equal((await driver.list()).find(({ id }) => id === ids[0])?.mountpoint, null);
  const again = await make(driver, ids[0]!, ids[1]!);
  assert.deepEqual(
    again.map(({ clone }) => clone),
    [made[0].clone, made[1]!.clone],
  );
  assert.equal(readFileSync(`${mounts}/${ids[0]}/hello`, 'utf8'), 'changed');
  assert.deepEqual(
    await driver.destroy(made.map(({ clone }) => clone)),
    ids.map((id) => ({ id, outcome: 'gone' })),
  );
  assert.deepEqual(await driver.list(), []);
  assert.deepEqual(
    ids.filter((id) => existsSync(`${mounts}/${id}`)),
    [],
  );
});

test('shifts owners while it makes a clone', async () => {
  const driver = await makeTemplate('tank/shift/t');
  const [result] = await driver.create(await driver.newestSource(), [takeId()], {
    owners: { kind: 'shifted', uidBase: 100_000, gidBase: 200_000 },
    mountDirectory: mounts,
  });
  assert.ok(result?.ok === true);
  const { uid, gid } = lstatSync(`${placeOf(result.rootfs)}/hello`);
  assert.deepEqual([uid, gid, result.rootfs.parts[0].ownership.kind], [100_000, 200_000, 'shifted']);
  await driver.destroy([result.clone]);
});

test('a clone that another mount namespace has stays busy until that ends', async () => {
  const driver = await makeTemplate('tank/busy/t');
  const [made] = await make(driver, takeId());
  const holder = await start('unshare', '--mount', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep 1000');
  const [first] = await driver.destroy([made.clone]);
  assert.deepEqual([first?.outcome, first?.outcome === 'busy' && first.error.code], ['busy', 'dataset-busy']);
  assert.deepEqual(await driver.holders(made.clone), [{ pid: holder.pid, command: 'sleep' }]);
  // The host's own mount went with the attempt.
  assert.equal((await driver.list())[0]?.mountpoint, null);
  await end(holder);
  assert.deepEqual(await driver.destroy([made.clone]), [{ id: made.id, outcome: 'gone' }]);
});

test('a clone in which a process is stays busy and mounted', async () => {
  const driver = await makeTemplate('tank/inside/t');
  const [made] = await make(driver, takeId());
  const holder = await start('sh', '-c', `cd ${placeOf(made.rootfs)}; echo; exec sleep 1000`);
  assert.equal((await driver.destroy([made.clone]))[0]?.outcome, 'busy');
  await end(holder);
  assert.deepEqual(await driver.destroy([made.clone]), [{ id: made.id, outcome: 'gone' }]);
});

test('destroys a clone with its snapshots; refuses what is not the clone it was told', async () => {
  const driver = await makeTemplate('tank/refuse/t');
  const [snapped, kept, parent, other] = await make(driver, takeId(), takeId(), takeId(), takeId());
  await zfs('snapshot', `tank/refuse/t_${snapped.id}@mine`);
  await zfs('set', 'isolate:keep=on', `tank/refuse/t_${kept!.id}`);
  await zfs('create', `tank/refuse/t_${parent!.id}/child`);
  const results = await driver.destroy([
    snapped.clone,
    kept!.clone,
    parent!.clone,
    { ...other!.clone, guid: '1' },
    { id: takeId(), guid: '1' },
  ]);
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['gone', 'refused', 'refused', 'refused', 'gone'],
  );
  assert.equal((await driver.list()).length, 3);
});

test('lists a clone without a mark as garbage, and destroys it', async () => {
  const driver = await makeTemplate('tank/garbage/t');
  const id = takeId();
  await zfs('clone', '-o', 'canmount=noauto', 'tank/garbage/t@1', `tank/garbage/t_${id}`);
  const clones = await driver.list();
  assert.deepEqual(
    clones.map((clone) => [clone.id, clone.marked, clone.mountpoint]),
    [[id, false, null]],
  );
  assert.deepEqual(await driver.destroy(clones), [{ id, outcome: 'gone' }]);
});

for (const property of ['mountpoint=none', 'mountpoint=legacy', 'canmount=off', 'readonly=on']) {
  test(`clones a template with ${property}`, async () => {
    const name = property.replace(/\W/g, '');
    const driver = await makeTemplate(`tank/${name}/t`);
    await zfs('set', property, `tank/${name}/t`);
    if (property.startsWith('mountpoint')) await zfs('set', property, `tank/${name}`);
    const [made] = await make(driver, takeId());
    assert.deepEqual(readdirSync(placeOf(made.rootfs)), ['hello']);
    assert.deepEqual(await driver.destroy([made.clone]), [{ id: made.id, outcome: 'gone' }]);
  });
}

test('tells what cannot be a template', async () => {
  await zfs('create', '-p', '-V', '16M', '-s', 'tank/not/volume');
  await zfs('create', 'tank/not/empty');
  await assert.rejects(
    (await open('tank/not/volume')).probe(),
    failsWith('template-not-filesystem', 'Dataset tank/not/volume is a volume, not a file system.'),
  );
  await assert.rejects(
    (await open('tank/not/empty')).newestSource(),
    failsWith('template-without-snapshot', 'Dataset tank/not/empty has no snapshot to clone.'),
  );
  await assert.rejects((await open('tank/not/there')).probe(), failsWith('template-missing', 'There is no dataset tank/not/there.'));
  await assert.rejects((await open('nopool/t')).probe(), failsWith('template-missing', 'There is no dataset nopool/t.'));
  assert.deepEqual(await (await open('nopool/t')).list(), []);
});

test('tells that a key is not loaded', async () => {
  writeFileSync('/tmp/key', 'eight or more characters');
  const driver = await makeTemplate('tank/secret/t', 'encryption=on', 'keyformat=passphrase', 'keylocation=file:///tmp/key');
  const source = await driver.newestSource();
  const [made] = await make(driver, takeId());
  await driver.destroy([made.clone]);
  await zfs('unmount', 'tank/secret/t');
  await zfs('unload-key', 'tank/secret/t');
  const message = 'The encryption key of tank/secret/t is not loaded.';
  await assert.rejects(driver.probe(), failsWith('key-not-loaded', message));
  await assert.rejects(driver.newestSource(), failsWith('key-not-loaded', message));
  const [late] = await driver.create(source, [takeId()], { owners: null, mountDirectory: mounts });
  assert.equal(late?.ok === false && late.error.code, 'key-not-loaded');
  // Making it took no key, and taking it away does not either.
  assert.deepEqual(await driver.destroy(await driver.list()), [{ id: late?.id, outcome: 'gone' }]);
});

test('a full pool fails to clone and can still destroy', async () => {
  await makePool('small', '96M');
  const driver = await makeTemplate('small/t/t');
  const [made] = await make(driver, takeId());
  await tool(
    '/bin/sh',
    '-c',
    `dd if=/dev/zero of=/small/t/filler bs=1M 2> /tmp/dd || :; sync; i=0
    while [ $i -lt 200 ] && echo more > /small/t/more$i; do i=$((i + 1)); done 2> /dev/null; sync`,
  );
  const health = await driver.probe();
  assert.ok(health.freeFraction !== null && health.freeFraction < 0.02);
  const [result] = await driver.create(await driver.newestSource(), [takeId()], { owners: null, mountDirectory: mounts });
  assert.equal(result?.ok === false && result.error.code, 'pool-full');
  assert.deepEqual(await driver.destroy([made.clone]), [{ id: made.id, outcome: 'gone' }]);
});

test('reads what zfs prints when it fails', async () => {
  await makeTemplate('tank/texts/t');
  await zfs('clone', '-o', 'canmount=noauto', 'tank/texts/t@1', 'tank/texts/t_1');
  await zfs('set', 'quota=64K', 'tank/texts');
  const texts: Record<string, string> = {
    exists: await recordFailure('clone', 'tank/texts/t@1', 'tank/texts/t_1'),
    missing: await recordFailure('clone', 'tank/texts/t@none', 'tank/texts/t_2'),
    'missing ': await recordFailure('clone', 'tank/texts/t@1', 'tank/none/t_2'),
    'missing  ': await recordFailure('get', 'all', 'tank/none'),
    'has-clones': await recordFailure('destroy', 'tank/texts/t@1'),
    'has-children': await recordFailure('destroy', 'tank/texts/t'),
    'not-mounted': await recordFailure('unmount', 'tank/texts/t_1'),
    'already-mounted': await recordFailure('mount', 'tank/texts/t'),
    'no-such-command': await recordFailure('frobnicate'),
    'no-such-command ': await recordFailure('clone', '-y', 'tank/texts/t@1', 'tank/texts/t_2'),
  };
  await zfs('set', 'mountpoint=legacy', 'tank/texts/t_1');
  texts['no-mountpoint'] = await recordFailure('mount', 'tank/texts/t_1');
  await zfs('set', 'mountpoint=none', 'tank/texts/t_1');
  texts['no-mountpoint '] = await recordFailure('mount', 'tank/texts/t_1');
  await zfs('set', 'mountpoint=/tmp/m', 'canmount=off', 'tank/texts/t_1');
  texts['no-mountpoint  '] = await recordFailure('mount', 'tank/texts/t_1');
  const asUser = async (...args: readonly string[]): Promise<string> =>
    (
      await record({
        file: '/usr/bin/setpriv',
        args: ['--reuid=65534', '--regid=65534', '--clear-groups', '/usr/sbin/zfs', ...args],
        timeoutMs: 60_000,
      })
    ).stderr;
  texts['not-permitted'] = await asUser('clone', 'tank/texts/t@1', 'tank/texts/t_3');
  texts['not-permitted '] = await asUser('destroy', 'tank/texts/t_1');
  texts['not-permitted  '] = await asUser('mount', 'tank/texts/t_1');
  texts['not-permitted   '] = await asUser('program', '-j', 'tank', '/dev/null');
  const read = Object.entries(texts).map(([name, text]) => [name.trim(), classifyZfs(text), text]);
  assert.deepEqual(
    read.filter(([name, failure]) => name !== failure),
    [],
  );
});

// Last, because this pool cannot be had back.
test('tells that a pool is suspended, in time', async () => {
  // A device that fails to write: its file cannot grow.
  mkdirSync('/tmp/ill');
  await tool('/bin/mount', '-t', 'tmpfs', '-o', 'size=32M', 'tmpfs', '/tmp/ill');
  await makePool('ill', '256M', '/tmp/ill');
  const driver = await makeTemplate('ill/t/t');
  await driver.probe();
  spawn('/bin/dd', ['if=/dev/urandom', 'of=/ill/t/more', 'bs=1M', 'count=100', 'conv=fsync'], { stdio: 'ignore', detached: true }).unref();
  const deadline = Date.now() + 60_000;
  while ((await tool('/usr/sbin/zpool', 'list', '-H', '-o', 'health', 'ill')) !== 'SUSPENDED\n') {
    assert.ok(Date.now() < deadline, 'the pool is not suspended after 60 s');
  }
  await assert.rejects(driver.probe(), failsWith('pool-suspended', 'The pool ill is suspended, so ill/t/t cannot be cloned.'));
});

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { killSend } from '../rig/kill-send.ts';
import { descendants } from '../rig/process-tree.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { type SshHost, startSshHost } from '../rig/ssh-host.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const record = { version: 1, createdMs: 1000, source: 'by hand', defaults: { command: ['sh'] } };

let far: SshHost;
let template: ZfsTemplate;
/** Only root may enter it. */
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'transfer-'));
  far = await startSshHost();
  const tree = await busyboxRootfs(join(directory, 'root'));
  mkdirSync(join(tree, '.isolate'));
  writeFileSync(join(tree, '.isolate/template.json'), `${JSON.stringify(record, null, 2)}\n`);
  chmodSync(tree, 0o755);
  template = await makeZfsTemplate({ tree });
});

afterAll(async () => {
  await template.pool.end();
  await far.end();
});

const done = { status: 0, signal: null, stdout: '', stderr: '' };

function failed(text: string): object {
  return { status: 1, signal: null, stdout: '', stderr: text };
}

/** The snapshots of a dataset of the other host. */
function snapshotsOf(dataset: string): readonly string[] {
  const names = far.run('zfs', 'list', '-H', '-o', 'name', '-r', '-t', 'all', 'far').trim().split('\n');
  return names.filter((name) => name.startsWith(dataset));
}

test('a dataset is sent to another host whole at first, then only its changes, then not at all', async () => {
  const whole = await far.isolate(['template', 'send', template.dataset, 'far:far/os/one']);
  expect({ ...whole, stdout: whole.stdout.replace(/[\d.]+[KM]/, 'SIZE') }).toEqual({
    ...done,
    stdout: `sent ${template.dataset}@first to far:far/os/one: SIZE\n`,
    stderr: '',
  });
  expect(snapshotsOf('far/os/one')).toEqual(['far/os/one', 'far/os/one@first']);
  expect(far.run('zfs', 'get', '-H', '-o', 'value', 'canmount,mounted', 'far/os/one')).toBe('off\nno\n');
  // Looking at it changes times of access there.
  const shown = JSON.parse(far.run('sh', '-c', 'PATH=$1:$PATH isolate template show --json far/os/one', 'sh', distribution())) as object;
  expect(shown).toMatchObject({ record });
  writeFileSync(join(template.directory, 'added'), 'second');
  await template.snapshot('second');
  const changes = await far.isolate(['template', 'send', '--json', template.dataset, 'far:far/os/one']);
  expect(JSON.parse(changes.stdout)).toEqual({
    template: template.dataset,
    to: 'far:far/os/one',
    sent: {
      name: template.dataset,
      label: 'second',
      carried: { kind: 'zfs', part: 'changes', base: expect.any(String) as string },
      bytes: expect.any(Number) as number,
    },
  });
  expect(snapshotsOf('far/os/one')).toEqual(['far/os/one', 'far/os/one@first', 'far/os/one@second']);
  expect(await far.isolate(['template', 'send', template.dataset, 'far:far/os/one'])).toEqual({
    ...done,
    stdout: `far:far/os/one has this snapshot of ${template.dataset} already\n`,
  });
});

function distribution(): string {
  return process.env['ISOLATE_TEST_DIST'] ?? join(import.meta.dirname, '../../dist');
}

test('a template that has changed on the other host is not overwritten', async () => {
  expect(await far.isolate(['template', 'send', '-q', `${template.dataset}@first`, 'far:far/changed'])).toEqual(done);
  far.run(
    'sh',
    '-c',
    'zfs set canmount=on far/changed && zfs mount far/changed; echo mine > $(zfs get -H -o value mountpoint far/changed)/mine',
  );
  expect(await far.isolate(['template', 'send', template.dataset, 'far:far/changed'])).toEqual(
    failed(
      'isolate: On far: far/changed has changed since its snapshot first.\n' +
        'hint: on far: isolate template rollback far/changed first keeps its own state as a snapshot\n',
    ),
  );
  expect(snapshotsOf('far/changed')).toEqual(['far/changed', 'far/changed@first']);
  far.run('zfs', 'snapshot', 'far/changed@own');
  expect(await far.isolate(['template', 'send', template.dataset, 'far:far/changed'])).toEqual(
    failed(
      'isolate: On far: far/changed has newer snapshots than first.\n' +
        'hint: on far: isolate template rollback far/changed first keeps its own state as a snapshot\n',
    ),
  );
});

test('a template of that name which is another one is not touched', async () => {
  far.run('zfs', 'create', 'far/other');
  far.run('zfs', 'snapshot', 'far/other@first');
  expect(await far.isolate(['template', 'send', template.dataset, 'far:far/other'])).toEqual(
    failed(
      'isolate: There is already a template far/other on far, and it has no snapshot in common with this one.\n' +
        'hint: send it to another name\n',
    ),
  );
});

test('a dataset becomes a directory, and a directory a dataset', async () => {
  expect(await far.isolate(['template', 'send', '-q', template.dataset, `far:${directory}/from-zfs`])).toEqual(done);
  expect(JSON.parse(readFileSync(join(directory, 'from-zfs/.isolate/template.json'), 'utf8'))).toEqual(record);
  expect(readdirSync(directory).toSorted()).toEqual(['.from-zfs@second', 'from-zfs', 'root']);
  expect(await far.isolate(['template', 'send', '-q', `${directory}/from-zfs@second`, 'far:far/from-directory'])).toEqual(done);
  expect(snapshotsOf('far/from-directory')).toEqual(['far/from-directory', 'far/from-directory@second']);
  expect(await far.isolate(['template', 'send', '-q', `${directory}/from-zfs`, 'far:far/from-directory'])).toEqual(
    failed(
      'isolate: There is already a template far/from-directory on far, and directories are only sent whole.\nhint: send it to another name\n',
    ),
  );
});

test('owners, links and set-uid bits are the same after a file', async () => {
  const tree = join(directory, 'odd');
  execFileSync('cp', ['-a', join(directory, 'root'), tree]);
  writeFileSync(join(tree, 'bin/su'), 'x');
  execFileSync('chown', ['1000:1001', join(tree, 'bin/su')]);
  chmodSync(join(tree, 'bin/su'), 0o4755);
  execFileSync('ln', [join(tree, 'bin/su'), join(tree, 'bin/same')]);
  expect(await isolate(['template', 'send', '-q', tree, join(directory, 'odd.template')])).toEqual(done);
  expect(lstatSync(join(directory, 'odd.template')).mode & 0o777).toBe(0o600);
  expect(await isolate(['template', 'receive', '-q', join(directory, 'odd-copy'), join(directory, 'odd.template')])).toEqual(done);
  const list = (root: string): readonly string[] => {
    const args = [root, '-name', '.isolate', '-prune', '-o', '-mindepth', '1', '-printf', String.raw`%P %m %U %G %n %T@ %l\n`];
    return execFileSync('find', args, { encoding: 'utf8' }).split('\n').toSorted();
  };
  expect(list(join(directory, 'odd-copy'))).toEqual(list(tree));
});

test('a name in a stream does not reorder what is told of it', async () => {
  const file = join(directory, 'named.template');
  expect(await isolate(['template', 'send', '-q', join(directory, 'root'), file])).toEqual(done);
  const bytes = readFileSync(file);
  const payload = bytes.subarray(bytes.indexOf(10, bytes.indexOf(10) + 1) + 1);
  const header = { name: '\u202edlo', label: null, kind: 'tar' };
  writeFileSync(file, Buffer.concat([Buffer.from(`isolate-template 1\n${JSON.stringify(header)}\n`), payload]));
  const { status, stdout } = await isolate(['template', 'receive', join(directory, 'named'), file]);
  expect([status, stdout.split(':')[0]]).toEqual([0, `received ${join(directory, 'named')} from \\u202edlo`]);
});

test.each(['zfs', 'tar'])('a stream that was cut anywhere, or changed, makes no template (%s)', async (kind) => {
  const whole = join(directory, `whole.${kind}`);
  expect(await isolate(['template', 'send', '-q', ...(kind === 'tar' ? ['--tar'] : []), template.dataset, whole])).toEqual(done);
  const { size } = lstatSync(whole);
  const target = `${template.pool.name}/cut`;
  const left = async (): Promise<readonly string[]> =>
    (await template.pool.zfs('list', '-H', '-o', 'name', '-r', '-t', 'all', template.pool.name))
      .split('\n')
      .filter((name) => name.includes('cut'));
  for (const length of [10, 40, 200, 10_000, Math.floor(size / 2), size - 5000, size - 100, size - 1]) {
    const cut = join(directory, 'cut');
    execFileSync('cp', [whole, cut]);
    truncateSync(cut, length);
    const { status, stderr } = await isolate(['template', 'receive', target, cut]);
    const says = length < 60 ? 'is not what isolate template send writes.' : 'ended before the template was complete.';
    expect({ length, status, says: stderr.split('\n')[0], left: await left() }).toEqual({
      length,
      status: 1,
      says: `isolate: ${cut} ${says}`,
      left: [],
    });
  }
  const bytes = readFileSync(whole);
  bytes[size - 80] = (bytes[size - 80] ?? 0) ^ 1;
  writeFileSync(join(directory, 'damaged'), bytes);
  expect([(await isolate(['template', 'receive', target, join(directory, 'damaged')])).status, await left()]).toEqual([1, []]);
});

test('a connection that breaks in the middle leaves nothing on either side, and the template can be sent again', async () => {
  const big = join(directory, 'big');
  execFileSync('cp', ['-a', join(directory, 'root'), big]);
  execFileSync('sh', ['-c', 'head -c 200M /dev/urandom > "$1"', 'sh', join(big, 'zeroes')]);
  const remote = join(directory, 'remote');
  mkdirSync(remote, { mode: 0o700 });
  // Slow, so that it does not end before it is noticed.
  far.limit('80mbit');
  const sending = far.start(['template', 'send', big, `far:${remote}/big`]);
  const ended = finished(sending);
  while (execFileSync('find', [remote, '-name', 'zeroes', '-size', '+1M'], { encoding: 'utf8' }) === '') await sleep(5);
  far.hangUp();
  far.limit(null);
  const { status, stderr } = await ended;
  expect([status, stderr.split('\n')[0]]).toEqual([1, 'isolate: The connection to far failed.']);
  // The other side notices the end by itself.
  while (readdirSync(remote).length > 0) await sleep(20);
  expect(await far.isolate(['template', 'send', '-q', big, `far:${remote}/big`])).toEqual(done);
  expect(execFileSync('cmp', [join(big, 'zeroes'), join(remote, 'big/zeroes')], { encoding: 'utf8' })).toBe('');
});

test('an archive whose end comes late is whole', async () => {
  const bytes = readFileSync(join(directory, 'whole.tar'));
  const late = join(directory, 'late');
  const receiving = startIsolate(['template', 'receive', '-q', late]);
  const ended = finished(receiving);
  receiving.stdin?.write(bytes.subarray(0, 10_000));
  while (!isRunning('tar')) await sleep(5);
  receiving.stdin?.write(bytes.subarray(10_000));
  while (isRunning('tar')) await sleep(5);
  receiving.stdin?.end();
  expect(await ended).toEqual(done);
});

/** In this namespace of processes. */
function isRunning(program: string): boolean {
  return globSync('/proc/[0-9]*/comm').some((file) => {
    try {
      return readFileSync(file, 'utf8') === `${program}\n`;
    } catch {
      return false;
    }
  });
}

test.each(['zfs', 'tar'])('kill -9 anywhere leaves no template, and the next transfer removes what it left (%s)', async (kind) => {
  const bytes = readFileSync(join(directory, `whole.${kind}`));
  const target = kind === 'zfs' ? `${template.pool.name}/killed` : join(directory, 'places/killed');
  mkdirSync(join(directory, 'places'), { recursive: true, mode: 0o700 });
  for (const part of [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1]) {
    const receiving = startIsolate(['template', 'receive', target]);
    const ended = finished(receiving);
    receiving.stdin?.on('error', () => {});
    await new Promise((resolve) => receiving.stdin?.write(bytes.subarray(0, Math.floor(part * bytes.length)), resolve));
    receiving.kill('SIGKILL');
    await ended;
    const shown = await isolate(['template', 'show', target]);
    expect({ part, shown: shown.status }).toEqual({ part, shown: 1 });
  }
  expect(await isolate(['template', 'receive', '-q', target, join(directory, `whole.${kind}`)])).toEqual(done);
  const left =
    kind === 'zfs'
      ? (await template.pool.zfs('list', '-H', '-o', 'name', '-r', template.pool.name))
          .split('\n')
          .filter((name) => name.includes('killed'))
      : readdirSync(join(directory, 'places')).toSorted();
  expect(left).toEqual(kind === 'zfs' ? [target] : ['.killed@second', 'killed']);
});

test('a zfs command that outlives isolate keeps the template busy until it ends', async () => {
  const target = `${template.pool.name}/outlived`;
  const receiving = startIsolate(['template', 'receive', target]);
  const ended = finished(receiving);
  receiving.stdin?.on('error', () => {});
  const bytes = readFileSync(join(directory, 'whole.zfs'));
  await new Promise((resolve) => receiving.stdin?.write(bytes.subarray(0, Math.floor(bytes.length / 2)), resolve));
  const zfs = await findChild(receiving.pid ?? 0, /\bzfs receive /);
  process.kill(zfs, 'SIGSTOP');
  receiving.kill('SIGKILL');
  await ended;
  const receive = async (): Promise<object> => await isolate(['template', 'receive', '-q', target, join(directory, 'whole.zfs')]);
  expect(await receive()).toEqual(
    failed(`isolate: The template ${target} is being changed by process ${zfs}.\nhint: try again when it has ended\n`),
  );
  process.kill(zfs, 'SIGCONT');
  await expect.poll(() => existsSync(`/proc/${zfs}`)).toBe(false);
  expect(await receive()).toEqual(done);
});

/** Waits until a process has started one with such a command line, which lasts. */
async function findChild(parent: number, line: RegExp): Promise<number> {
  for (;;) {
    const found = descendants(parent).find(({ command }) => line.test(command));
    if (found !== undefined) return found.pid;
    await sleep(5);
  }
}

test('a file that a killed process was sending is removed when the next one is sent', async () => {
  const place = join(directory, 'files');
  mkdirSync(place);
  await killSend(join(directory, 'big'), join(place, 'x'), 'older');
  expect([readdirSync(place).length, readFileSync(join(place, 'x'), 'utf8')]).toEqual([2, 'older']);
  expect(await isolate(['template', 'send', '-q', join(directory, 'root'), join(place, 'y')])).toEqual(done);
  expect(readdirSync(place)).toEqual(['x', 'y']);
  expect(await isolate(['template', 'send', '-q', join(directory, 'root'), join(place, 'missing/x')])).toEqual(
    failed(
      `isolate: Could not write to ${place}/missing/x.\nbecause: No directory can be made in ${place}/missing: it does not exist and cannot be made.\n`,
    ),
  );
});

test('a full disk leaves nothing', async () => {
  const small = join(directory, 'small');
  mkdirSync(small, { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', small]);
  onTestFinished(() => void execFileSync('umount', [small]));
  const received = await isolate(['template', 'receive', join(small, 'x'), join(directory, 'whole.tar')]);
  expect([received.status, readdirSync(small)]).toEqual([1, []]);
  const sent = await isolate(['template', 'send', join(directory, 'root'), join(small, 'x')]);
  expect([sent, readdirSync(small)]).toEqual([failed(`isolate: Could not write to ${small}/x.\nbecause: no space left on device\n`), []]);
});

test.each([
  [['send', 'x', 'nowhere'], 'A template cannot be sent to "nowhere".'],
  [['send', 'x', '-oProxyCommand=true:x'], 'A template cannot be sent to "-oProxyCommand=true:x".'],
  [['receive', 'x', 'y', 'z'], 'Unexpected argument "z".'],
])('%j is refused', async ([verb = '', ...words], message) => {
  const { status, stderr } = await isolate(['template', verb, '--', ...words]);
  expect({ status, message: stderr.split('\n')[0] }).toEqual({ status: 2, message: `isolate: ${message}` });
});

test('a host that has no isolate, or that ssh does not reach, is named', async () => {
  const unknown = await far.isolate(['template', 'send', template.dataset, 'nosuchhost.invalid:x']);
  expect([unknown.status, unknown.stderr.split('\n')[0]]).toEqual([1, 'isolate: The connection to nosuchhost.invalid failed.']);
});

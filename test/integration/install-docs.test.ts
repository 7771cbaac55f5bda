import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkout, startSystemd, type SystemdContainer } from '../rig/systemd.ts';
import { makeTemplate, until, writeInside } from '../rig/systemd-template.ts';

const template = 'my-tank/busy-box';

let system: SystemdContainer;
let text: string;
beforeAll(async () => {
  text = await readFile(join(import.meta.dirname, '../../docs/install.md'), 'utf8');
  system = await startSystemd({ as: 'checkout' });
  await makeTemplate(system, template);
  await system.must(['useradd', '--create-home', 'alice']);
}, 300_000);
afterAll(async () => {
  await system.stop();
});

test('scripts/install and the steps for the daemon make a daemon that lends clones to members', async () => {
  await follow(section('From a checkout').filter((line) => line.includes('scripts/install') && line.startsWith('    ')));
  const [start, member, look] = blocks(section('The daemon'));
  expect(await system.must(['cat', '/etc/isolate/config.toml'])).toContain('docs/daemon.md');
  expect(await system.must(['ls', '/usr/local/share/man/man1'])).toMatch(/^isolate-enter\.1$[^]*^isolate\.1$/m);
  await writeInside(system, '/etc/isolate/config.d/here.toml', `[templates."${template}"]\ncount = 2\n`);
  await follow(start);
  expect(await checkDaemon('root')).toEqual({
    id: 'daemon',
    state: 'ok',
    fact: `the daemon at /run/isolate/isolated.sock (for the group isolate) has clones of ${template}`,
  });
  expect(await runAs('alice', 'id -u')).toMatchObject({ status: 125 });
  expect(await checkDaemon('alice')).toMatchObject({
    state: 'limited',
    hint: 'ask to be added to the group isolate (usermod -aG isolate alice, as root), and log in again',
  });
  await follow(member);
  expect(await runAs('alice', 'id -u')).toEqual({ status: 0, stdout: '0\n', stderr: '' });
  expect(await checkDaemon('alice')).toMatchObject({ state: 'ok' });
  await follow(look);
  expect(await runAs('alice', 'exit 4')).toMatchObject({ status: 4 });
});

test('scripts/install beside a running daemon changes no file and says how to restart it', async () => {
  const installed = await system.must(['cat', '/opt/isolate/installed']);
  expect(await system.must([`${checkout}/scripts/install`])).toContain('systemctl restart isolated-pools');
  expect(await system.must(['cat', '/opt/isolate/installed'])).toBe(installed);
  expect(await runAs('alice', 'exit 5')).toMatchObject({ status: 5 });
});

test('scripts/install continues where another one was interrupted', async () => {
  const installed = await system.must(['cat', '/opt/isolate/installed']);
  const cutOff = [
    'echo > /opt/isolate/installed',
    'mv /opt/isolate /opt/isolate.old',
    'mkdir /opt/isolate.new',
    'touch /opt/isolate.new/installed',
  ];
  await system.must(['sh', '-c', cutOff.join(' && ')]);
  await system.must([`${checkout}/scripts/install`]);
  const users = /^(?:user|group) .*\n/gm;
  expect(await system.must(['cat', '/opt/isolate/installed'])).toBe(installed.replaceAll(users, ''));
  expect(await system.must(['ls', '/opt'])).toBe('isolate\n');
  await writeInside(system, '/opt/isolate/installed', installed);
});

test('scripts/install leaves foreign files under its names in /opt alone, and names them', async () => {
  const foreign = async (...paths: readonly string[]) => {
    await system.must(['mkdir', '-p', ...paths.map((path) => `${path}/mine`)]);
    const before = await system.must(['find', '/opt']);
    expect(await system.run([`${checkout}/scripts/install`])).toEqual({
      status: 1,
      stdout: '',
      stderr: `install: these exist and are not as scripts/install left them; move them away first: ${paths.join(' ')}\n`,
    });
    expect(await system.must(['find', '/opt'])).toBe(before);
    await system.must(['rm', '-r', ...paths]);
  };
  await foreign('/opt/isolate.new', '/opt/isolate.old');
  await foreign('/opt/isolate/templates');
  await system.must(['mv', '/opt/isolate', '/opt/kept']);
  await foreign('/opt/isolate.old');
  await foreign('/opt/isolate');
  await system.must(['mv', '/opt/kept', '/opt/isolate']);
});

test('scripts/install writes nothing if a foreign file is in its way, and names it', async () => {
  await system.must(['sh', '-c', 'echo mine >> /etc/tmpfiles.d/isolate.conf && rm /usr/local/bin/isolate-gate']);
  const { status, stderr } = await system.run([`${checkout}/scripts/install`]);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'install: these exist and are not as scripts/install left them; move them away first: /etc/tmpfiles.d/isolate.conf\n',
  });
  expect(await system.run(['test', '-e', '/usr/local/bin/isolate-gate'])).toMatchObject({ status: 1 });
  await system.must(['rm', '/etc/tmpfiles.d/isolate.conf']);
  await system.must([`${checkout}/scripts/install`]);
});

test('the documented hardening is what systemd reports', async () => {
  const rows = section('The daemon').filter((line) => /^\| isola.*\.service \|/.test(line));
  const levels = rows.map((row) => row.split('|').map((cell) => cell.trim())).map((cells) => [cells[1] ?? '', Number(cells[4])]);
  expect(levels.map(([unit]) => unit)).toEqual(['isolated.service', 'isolated-pools.service', 'isolate-refresh@.service']);
  for (const [unit = '', level] of levels) {
    const path = `${checkout}/units/${unit}`;
    const found = await system.must(['systemd-analyze', 'security', '--offline=yes', '--no-pager', path]);
    expect(found).toContain(`: ${Number(level).toFixed(1)} `);
  }
});

test('scripts/install --remove refuses during a run, and names it', async () => {
  await system.must(['sh', '-c', `isolate -q -z ${template} -- /bin/sleep 1000 > /dev/null 2>&1 & echo $! > /run.pid`]);
  await until('the run is there', async () => (await system.must(['isolate', 'ps'])).includes('sleep'));
  const { status, stderr } = await system.run([`${checkout}/scripts/install`, '--remove']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^install: these runs are in progress; end them first \(isolate kill RUN\):\n.* \/bin\/sleep 1000\n$/);
  expect((await system.run(['systemctl', 'is-active', 'isolated-pools.service'])).stdout).toBe('active\n');
  await system.must(['sh', '-c', 'kill $(cat /run.pid)']);
  await until('the run is gone', async () => !(await system.must(['isolate', 'ps'])).includes('sleep'));
});

test('scripts/install --remove leaves nothing of it running or installed', async () => {
  await system.must(['rm', '-r', '/etc/isolate/config.d', '/run.pid']);
  await system.must(['gpasswd', '--delete', 'alice', 'isolate']);
  await follow(blocks(section('Remove'))[0]);
  const units = ['isolated.socket', 'isolated-metrics.socket', 'isolated.service', 'isolated-pools.service'] as const;
  expect((await system.run(['systemctl', 'is-active', ...units])).stdout).toBe('inactive\n'.repeat(units.length));
  expect((await system.run(['systemctl', 'list-unit-files', '--no-legend', 'isolate*'])).stdout).toBe('');
  const found = ['find', '/etc', '/opt', '/usr/local', '/run', '/var', '-xdev', '-name', '*isolate*'] as const;
  expect(await system.must([...found, '-not', '-path', '/run/systemd/*', '-not', '-path', `${checkout}*`])).toBe('');
  expect((await system.run(['getent', 'passwd', 'isolate', 'isolate-front'])).stdout).toBe('');
  expect((await system.run(['getent', 'group', 'isolate', 'isolate-front'])).stdout).toBe('');
  expect(await system.must(['zfs', 'list', '-H', '-o', 'name', '-r', 'my-tank'])).toBe(`my-tank\n${template}\n`);
});

test('scripts/install --remove leaves groups that were there before, and what others have beside its own files', async () => {
  const others = ['/var/lib/isolate/templates/debian', '/opt/isolate/mine'] as const;
  await system.must(['groupadd', '--system', '--users', 'alice', 'isolate']);
  await system.must(['groupadd', '--system', 'isolate-front']);
  const groups = await system.must(['getent', 'group', 'isolate', 'isolate-front']);
  await system.must([`${checkout}/scripts/install`]);
  await system.must(['mkdir', '-p', ...others, '/var/lib/isolate/overlay/1', '/var/lib/isolate/bare/root/dev']);
  expect(await system.run([`${checkout}/scripts/install`, '--remove'])).toEqual({
    status: 0,
    stdout: 'isolate is removed. Templates, datasets and Debian packages stay, and so does this checkout.\n',
    stderr: ['/var/lib/isolate', '/opt/isolate'].map((path) => `install: ${path} stays: Directory not empty\n`).join(''),
  });
  expect(await system.must(['find', '/var/lib/isolate', '/opt/isolate', '-type', 'd', '-empty'])).toBe(`${others.join('\n')}\n`);
  expect((await system.run(['getent', 'passwd', 'isolate', 'isolate-front'])).stdout).toBe('');
  expect(await system.must(['getent', 'group', 'isolate', 'isolate-front'])).toBe(groups);
  await system.must(['rm', '-r', '/var/lib/isolate', '/opt/isolate']);
  await system.must(['groupdel', 'isolate']);
  await system.must(['groupdel', 'isolate-front']);
});

test('scripts/install --remove leaves a group that has members, and names them', async () => {
  await system.must([`${checkout}/scripts/install`]);
  await system.must(['usermod', '-aG', 'isolate', 'alice']);
  await system.must(['useradd', '--gid', 'isolate-front', 'bob']);
  expect(await system.run([`${checkout}/scripts/install`, '--remove'])).toMatchObject({
    status: 0,
    stderr: [
      'install: the group isolate has members (alice), and stays\n',
      'install: the group isolate-front has members (bob), and stays\n',
    ].join(''),
  });
  expect((await system.run(['getent', 'passwd', 'isolate', 'isolate-front'])).stdout).toBe('');
  expect(await system.must(['getent', 'group', 'isolate'])).toMatch(/^isolate:x:\d+:alice\n$/);
});

function section(title: string): readonly string[] {
  const lines = text.split('\n');
  const from = lines.indexOf(`## ${title}`);
  if (from < 0) throw new Error(`docs/install.md has no section ${title}`);
  const to = lines.findIndex((line, index) => index > from && line.startsWith('## '));
  return lines.slice(from, to < 0 ? undefined : to);
}

/** The indented blocks, which are commands. */
function blocks(lines: readonly string[]): readonly (readonly string[])[] {
  const found: string[][] = [];
  let before = '';
  for (const line of lines) {
    if (line.startsWith('    ') && !before.startsWith('    ')) found.push([]);
    if (line.startsWith('    ')) found.at(-1)?.push(line.trim());
    before = line;
  }
  return found;
}

/** Runs commands in the checkout as root, who needs no sudo, each of which has to succeed. */
async function follow(lines: readonly string[] | undefined): Promise<void> {
  if (lines === undefined || lines.length === 0) throw new Error('there are no such steps');
  await system.must(['bash', '-euc', `cd ${checkout}\n${lines.map((line) => line.trim().replace(/^sudo /, '')).join('\n')}`]);
}

async function runAs(user: string, script: string) {
  return await system.run(['su', '-', user, '-c', `isolate -q -z ${template} -- /bin/sh -c '${script}'`]);
}

async function checkDaemon(user: string): Promise<unknown> {
  const { stdout } = await system.run(['su', '-', user, '-c', 'isolate doctor --json']);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] };
  return checks.find(({ id }) => id === 'daemon');
}

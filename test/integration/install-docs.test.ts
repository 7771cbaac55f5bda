import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSystemd, type SystemdContainer } from '../rig/systemd.ts';
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

test('the steps for the daemon install it from a checkout', async () => {
  await follow(section('From a checkout').filter((line) => line.includes('ln -s')));
  const [install, start, member, look] = blocks(section('The daemon'));
  await follow(install);
  expect(await system.must(['cat', '/etc/isolate/config.toml'])).toContain('docs/daemon.md');
  await writeInside(system, '/etc/isolate/config.d/here.toml', `[templates."${template}"]\ncount = 2\n`);
  await follow(start);
  expect(await checkDaemon('root')).toEqual({
    id: 'daemon',
    state: 'ok',
    fact: `the daemon at /run/isolate/isolated.sock (for the group isolate) keeps clones of ${template}`,
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

test('what is said of the hardening is what systemd says', async () => {
  const rows = section('The daemon').filter((line) => /^\| isola.*\.service \|/.test(line));
  const levels = rows.map((row) => row.split('|').map((cell) => cell.trim())).map((cells) => [cells[1] ?? '', Number(cells[4])]);
  expect(levels.map(([unit]) => unit)).toEqual(['isolated.service', 'isolated-pools.service', 'isolate-refresh@.service']);
  for (const [unit = '', level] of levels) {
    const path = `/opt/isolate/units/${unit}`;
    const found = await system.must(['systemd-analyze', 'security', '--offline=yes', '--no-pager', path]);
    expect(found).toContain(`: ${Number(level).toFixed(1)} `);
  }
});

test('the steps that remove isolate leave nothing of it running or installed', async () => {
  const [stop = [], remove = []] = blocks(section('Remove'));
  await follow(stop.filter((line) => line.includes('isolated.socket')));
  const units = ['isolated.socket', 'isolated-metrics.socket', 'isolated.service', 'isolated-pools.service'] as const;
  await until('all units are down', async () =>
    (await system.run(['systemctl', 'is-active', ...units])).stdout
      .trim()
      .split('\n')
      .every((state) => state === 'inactive'),
  );
  await follow(remove.map((line) => line.replaceAll('rpool/isolate/debian', template)));
  expect((await system.run(['systemctl', 'list-unit-files', '--no-legend', 'isolate*'])).stdout).toBe('');
  expect(await system.must(['find', '/etc', '/usr/local', '/run', '-xdev', '-name', '*isolate*', '-not', '-path', '/run/systemd/*'])).toBe(
    '',
  );
  expect((await system.run(['getent', 'passwd', 'isolate', 'isolate-front'])).stdout).toBe('');
  expect((await system.run(['getent', 'group', 'isolate', 'isolate-front'])).stdout).toBe('');
  expect(await system.must(['zfs', 'list', '-H', '-o', 'name', '-r', 'my-tank'])).toBe(`my-tank\n${template}\n`);
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
  await system.must(['bash', '-euc', `cd /opt/isolate\n${lines.map((line) => line.trim().replace(/^sudo /, '')).join('\n')}`]);
}

async function runAs(user: string, script: string) {
  return await system.run(['su', '-', user, '-c', `isolate -q -z ${template} -- /bin/sh -c '${script}'`]);
}

async function checkDaemon(user: string): Promise<unknown> {
  const { stdout } = await system.run(['su', '-', user, '-c', 'isolate doctor --json']);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] };
  return checks.find(({ id }) => id === 'daemon');
}

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';

const execFileAsync = promisify(execFile);
const units = join(import.meta.dirname, '../../units');

/**
 * The most that `systemd-analyze security` may find, from 0 (nothing to reach) to 10, as Debian 12's systemd counts. The
 * exposed part, which clients talk to, has to be below 3; the others mount in the host's namespace, and a rise of theirs has to be meant.
 */
const thresholds = { 'isolated.service': 0.5, 'isolated-pools.service': 4.7, 'isolate-refresh@.service': 4.1 } as const;

/** As installed, with one instance of each template, and the programs that systemd looks for in PATH. */
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'units-'));
  for (const name of await unitNames()) {
    const text = await readFile(join(units, name), 'utf8');
    await writeFile(join(directory, name), text.replaceAll(/^(Exec[A-Za-z]+=)(?:isolate|isolate-gate) /gm, '$1/bin/true '));
    if (name.includes('@.')) await symlink(name, join(directory, name.replace('@.', '@demo-template.')));
  }
});

test('every service has its threshold', async () => {
  const services = (await unitNames()).filter((name) => name.endsWith('.service'));
  expect(services.toSorted()).toEqual(Object.keys(thresholds).toSorted());
});

test('systemd finds nothing wrong with any unit', async () => {
  const names = (await readdir(directory)).filter((name) => !name.includes('@.')).map((name) => join(directory, name));
  expect(await analyze(['verify', '--man=no', ...names])).toEqual({ status: 0, output: '' });
});

test('systemd finds what is wrong with a unit', async () => {
  const wrong = join(directory, 'wrong.service');
  await writeFile(wrong, '[Service]\nExecStart=/bin/true\nProtectSytem=yes\n');
  expect((await analyze(['verify', '--man=no', wrong])).output).toContain('ProtectSytem');
});

test.each(Object.entries(thresholds))('%s leaves an attacker no more than %d', async (name, most) => {
  const file = join(directory, name);
  expect(await exposure(file)).toBeLessThanOrEqual(most);
});

test('a front without its filter of system calls would be found', async () => {
  const open = join(directory, 'open');
  await cp(join(directory, 'isolated.service'), open);
  const text = await readFile(open, 'utf8');
  const file = join(directory, 'open.service');
  await writeFile(file, text.replace(/^SystemCallFilter=.*$/m, ''));
  expect(await exposure(file)).toBeGreaterThan(thresholds['isolated.service']);
});

async function unitNames(): Promise<readonly string[]> {
  return (await readdir(units)).filter((name) => /\.(?:path|service|socket|timer)$/.test(name));
}

/** The overall exposure level. */
async function exposure(file: string): Promise<number> {
  const { output } = await analyze(['security', '--offline=yes', '--no-pager', file]);
  const level = /Overall exposure level for [^:]+: (?<level>[0-9.]+)/.exec(output)?.groups?.['level'];
  if (level === undefined) throw new Error(`no level of ${basename(file)}: ${output}`);
  return Number(level);
}

async function analyze(words: readonly string[]): Promise<{ readonly status: number; readonly output: string }> {
  const env = { ...process.env, LC_ALL: 'C', SYSTEMD_UNIT_PATH: `${directory}:` };
  try {
    const { stdout, stderr } = await execFileAsync('systemd-analyze', [...words], { env, timeout: 60_000 });
    return { status: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { readonly code: unknown; readonly stdout: string; readonly stderr: string };
    if (typeof code !== 'number') throw error;
    return { status: code, output: stdout + stderr };
  }
}

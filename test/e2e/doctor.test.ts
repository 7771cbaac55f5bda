import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { writeConfig } from '../rig/daemon.ts';
import { isolate } from '../rig/isolate.ts';

interface Answer {
  readonly checks: readonly { readonly id: string; readonly state: string; readonly fact: string; readonly hint?: string }[];
  readonly engines: readonly { readonly name: string; readonly usable: boolean; readonly problems: readonly unknown[] }[];
}

async function askDoctor(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { status, stdout, stderr } = await isolate(['doctor', '--json', ...args], { environment });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Answer;
}

test('doctor prints one line per fact, then the engines and what they support', async () => {
  const { status, stdout, stderr } = await isolate(['doctor']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines.filter((line) => /^(?:ok|missing|too-old|limited) /.test(line)).length).toBeGreaterThanOrEqual(18);
  expect(lines.filter((line) => /^usable +\w/.test(line)).map((line) => line.split(/ +/)[1])).toContain('bwrap');
  expect(lines.find((line) => line.startsWith('isolates'))?.split(/ +/)).toEqual(['isolates', 'yes', 'yes', 'yes', '-']);
});

test('the engines of this machine can be used', async () => {
  const { engines } = await askDoctor();
  expect(engines.map(({ name, usable, problems }) => [name, usable, problems])).toEqual([
    ['bwrap', true, []],
    ['lxc', true, []],
    ['kvm', true, []],
    ['chroot', true, []],
  ]);
});

test('what is missing comes with a hint', async () => {
  const { checks } = await askDoctor([], { DISPLAY: ':59999', WAYLAND_DISPLAY: '/no/such/socket' });
  expect(checks.filter(({ id }) => id === 'x11' || id === 'wayland')).toEqual([
    {
      id: 'x11',
      state: 'limited',
      fact: 'the socket /tmp/.X11-unix/X59999 of the X display :59999 does not exist',
      hint: 'start the X server, or set DISPLAY to one that runs',
    },
    {
      id: 'wayland',
      state: 'limited',
      fact: 'the Wayland socket /no/such/socket does not exist',
      hint: 'start the compositor, or set WAYLAND_DISPLAY to the name or path of its socket',
    },
  ]);
});

test('a template directory that other users can reach is reported', async () => {
  const { checks } = await askDoctor(['-t', tmpdir()]);
  const check = checks.find(({ id }) => id === 'template');
  expect({ state: check?.state, hint: check?.hint }).toEqual({
    state: 'limited',
    hint: 'move it below a directory with mode 0700, or mount it nosuid',
  });
});

test('invalid settings are a finding with file and line, and valid ones are named', async () => {
  const file = '/etc/isolate/config.d/doctor.toml';
  const settings = ({ checks }: Answer) => checks.find(({ id }) => id === 'settings');
  await writeConfig('count = 3\n', file);
  onTestFinished(() => rm(file, { force: true }));
  expect(settings(await askDoctor())).toMatchObject({
    state: 'ok',
    fact: expect.stringMatching(/config\.d\/doctor\.toml: valid$/) as unknown,
  });
  await writeConfig('count = 0\n', file);
  const { checks } = await askDoctor();
  expect(settings({ checks, engines: [] })).toMatchObject({
    state: 'limited',
    fact: expect.stringMatching(`^${file} is not valid: line 1, count: `) as unknown,
    hint: 'docs/daemon.md describes all keys',
  });
});

test('a mistake in the settings of runs is a finding, and who has none is told so', async () => {
  const home = await mkdtemp(join(tmpdir(), 'isolate-home-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const file = join(home, '.config/isolate/config.toml');
  const find = async (): Promise<unknown> => {
    const { checks } = await askDoctor([], { HOME: home, XDG_CONFIG_HOME: '' });
    return checks.find(({ id }) => id === 'run-settings');
  };
  expect(await find()).toEqual({ id: 'run-settings', state: 'ok', fact: 'there are none of yours' });
  await mkdir(join(home, '.config/isolate'), { recursive: true });
  await writeFile(file, 'template = "debian"\n');
  expect(await find()).toEqual({ id: 'run-settings', state: 'ok', fact: `${file}: valid` });
  await writeFile(file, 'template = 5\n');
  expect(await find()).toEqual({
    id: 'run-settings',
    state: 'limited',
    fact: `${file} is not valid: line 1, template: must be a string, not 5`,
    hint: 'isolate config check names every mistake',
  });
});

test('invalid ids in the settings are found, and runs of root are not ready', async () => {
  const file = '/etc/isolate/config.d/doctor-ids.toml';
  await writeConfig('[ids]\nno-such-key = 1\n', file);
  onTestFinished(() => rm(file, { force: true }));
  const { status, stdout, stderr } = await isolate(['doctor', '--json']);
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect((JSON.parse(stdout) as Answer).checks.find(({ id }) => id === 'settings')?.fact).toMatch(`${file} is not valid: line 2, `);
});

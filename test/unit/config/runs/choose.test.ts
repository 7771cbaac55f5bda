import { expect, test } from 'vitest';

import { type Asked, chooseRun, findAlias, type RunLayers } from '../../../../src/config/runs/choose.ts';
import { parseRunFile } from '../../../../src/config/runs/load.ts';
import type { Layer } from '../../../../src/config/runs/run-settings.ts';
import { IsolateError } from '../../../../src/error.ts';
import type { OptionValue } from '../../../../src/spec/options/values.ts';

const nothing: Asked = { preset: null, options: new Map(), command: [] };

async function layer(path: string, text: string): Promise<Layer> {
  return await parseRunFile({ path, text }, { home: null, directory: null }, []);
}

async function settings(...texts: readonly string[]): Promise<RunLayers> {
  return { layers: await Promise.all(texts.map((text, index) => layer(`/${index}.toml`, text))), unapproved: null };
}

function asked(preset: string | null, options: Readonly<Record<string, OptionValue>> = {}, command: readonly string[] = []): Asked {
  return { preset, options: new Map(Object.entries(options)), command };
}

function refusal(action: () => unknown): Record<string, unknown> {
  try {
    action();
  } catch (error) {
    if (error instanceof IsolateError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error('Nothing was thrown.');
}

const chosen = (request: Asked, from: RunLayers): Record<string, unknown> => {
  const { options, command } = chooseRun(request, from);
  return { ...Object.fromEntries(options), command };
};

test('without settings a run is what was asked', async () => {
  expect(chosen(asked(null, { zfs: 'a/b', 'share-net': true }, ['ls']), await settings())).toEqual({
    zfs: 'a/b',
    'share-net': true,
    command: ['ls'],
  });
});

test('the first layer with a template or an engine decides it, where the run does not', async () => {
  const layers = await settings('engine = "lxc"', 'template = "mine"\nengine = "bwrap"', 'template = "hosts"');
  expect(chosen(nothing, layers)).toEqual({ clone: 'mine', engine: 'lxc', command: [] });
  expect(chosen(asked(null, { clone: 'other', engine: 'chroot' }), layers)).toEqual({ clone: 'other', engine: 'chroot', command: [] });
});

test('a preset is laid under what was asked: lists add up, other options are replaced', async () => {
  const layers = await settings(`
template = "debian"
[presets.a]
env = ["A=1"]
memory = "1G"
share-net = true
x11 = true
command = ["make"]
`);
  expect(chosen(asked('a', { env: ['B=2'], memory: '2G' }), layers)).toEqual({
    clone: 'debian',
    env: ['A=1', 'B=2'],
    memory: '2G',
    'share-net': true,
    x11: true,
    command: ['make'],
  });
  expect(chosen(asked('a', {}, ['ls', '-l']), layers)).toMatchObject({ command: ['ls', '-l'] });
});

test('a root that was asked replaces that of a preset as a whole, which replaces the default', async () => {
  const layers = await settings(
    'template = "debian"\n[presets.a]\ntemplate = "/a"\nephemeral = true\n[presets.b]\nuse = ["a"]\nclone = "b"\n',
  );
  expect(chosen(asked('a'), layers)).toEqual({ template: '/a', ephemeral: true, command: [] });
  expect(chosen(asked('a', { zfs: 't/a' }), layers)).toEqual({ zfs: 't/a', command: [] });
  expect(chosen(asked('a', { ephemeral: true, template: '/b' }), layers)).toEqual({ template: '/b', ephemeral: true, command: [] });
  expect(chosen(asked('b'), layers)).toEqual({ clone: 'b', command: [] });
});

test('a preset of the project hides one of the user, but what a preset uses is looked for in its own file first', async () => {
  const project = '[presets.base]\nmemory = "1G"\n[presets.build]\nuse = ["base", "own"]\n';
  const user = '[presets.base]\nmemory = "2G"\n[presets.build]\npids = 1\n[presets.own]\nuse = ["base"]\npids = 2\n';
  expect(chosen(asked('build'), await settings(project, user))).toEqual({ memory: '2G', pids: '2', command: [] });
});

test('a preset that is used twice counts once', async () => {
  const layers = await settings(
    '[presets.a]\nenv = ["A=1"]\n[presets.b]\nuse = ["a"]\n[presets.c]\nuse = ["a", "b", "a"]\nenv = ["C=1"]\n',
  );
  expect(chosen(asked('c'), layers)).toEqual({ env: ['A=1', 'C=1'], command: [] });
});

test('a flag can be switched off again', async () => {
  const layers = await settings('[presets.a]\nx11 = true\nshare-net = true\n[presets.b]\nuse = ["a"]\nx11 = false\n');
  expect(chosen(asked('b'), layers)).toEqual({ x11: false, 'share-net': true, command: [] });
});

test('a preset that is not there is refused', async () => {
  const layers = await settings('[presets.build]\n');
  expect(refusal(() => chooseRun(asked('biuld'), layers))).toEqual({
    code: 'usage',
    message: 'There is no preset biuld.',
    hint: 'did you mean @build?',
  });
  expect(refusal(() => chooseRun(asked('build'), { layers: [], unapproved: '/p/.isolate.toml' }))).toEqual({
    code: 'usage',
    message: 'There is no preset build, and /p/.isolate.toml is not used, because you have not approved it.',
    hint: 'isolate config approve',
  });
});

test('presets that use each other or nothing that exists are refused', async () => {
  const layers = await settings('[presets.a]\nuse = ["b"]\n[presets.b]\nuse = ["a"]\n[presets.c]\nuse = ["none"]\n');
  expect([refusal(() => chooseRun(asked('a'), layers)), refusal(() => chooseRun(asked('c'), layers))]).toEqual([
    {
      code: 'bad-config',
      message: '/0.toml is not valid: presets.b.use: "a" uses this preset itself.',
      hint: 'docs/settings.md describes all keys',
    },
    {
      code: 'bad-config',
      message: '/0.toml is not valid: presets.c.use: there is no preset "none".',
      hint: 'docs/settings.md describes all keys',
    },
  ]);
});

test('a file that is not approved is missed only by a run that has nothing to run on', async () => {
  const { layers } = await settings('template = "debian"');
  const unapproved = '/p/.isolate.toml';
  expect(chosen(nothing, { layers, unapproved })).toEqual({ clone: 'debian', command: [] });
  expect(refusal(() => chooseRun(nothing, { layers: [], unapproved }))).toEqual({
    code: 'usage',
    message: 'Nothing says what to run on, and /p/.isolate.toml is not used, because you have not approved it.',
    hint: 'isolate config approve',
  });
});

test('the first layer with an alias decides what it stands for', async () => {
  const layers = await settings('[aliases]\na = ["ls"]\n', '[aliases]\na = ["no"]\nb = ["@b"]\n');
  expect(['a', 'b', 'c'].map((word) => findAlias(word, layers))).toEqual([['ls'], ['@b'], null]);
});

import { expect, test } from 'vitest';

import { parseRunFile } from '../../../../src/config/runs/load.ts';
import type { Anchor, Layer } from '../../../../src/config/runs/run-settings.ts';
import type { IsolateError } from '../../../../src/error.ts';
import { runOptions } from '../../../../src/spec/options/table.ts';

const own: Anchor = { home: '/home/ada', directory: null };
const ofProject: Anchor = { home: '/home/ada', directory: '/srv/a:b' };

async function parse(text: string, anchor: Anchor = own): Promise<Layer> {
  return await parseRunFile({ path: '/config.toml', text }, anchor, ['run', 'status']);
}

async function refusal(text: string): Promise<string> {
  const error: unknown = await parse(text).catch((error: unknown) => error);
  expect(error).toMatchObject({ code: 'bad-config', hint: 'docs/settings.md describes all keys' });
  return (error as IsolateError).message;
}

test('an empty file says nothing', async () => {
  expect(await parse('')).toEqual({ origin: '/config.toml', presets: new Map(), aliases: new Map() });
});

test('a file can set a template, an engine, presets and aliases', async () => {
  expect(
    await parse(`
template = "debian"
engine = "lxc"
[presets.build]
use = ["base"]
command = ["make", "-j"]
clone = "rpool/isolate/debian"
bind = [".:/src", "~/cache:/cache:ro"]
share-net = true
no-seccomp = false
pids = 100
timeout = 1.5
memory = "2G"
[presets.base]
[aliases]
b = ["@build", "-v", "A=b c"]
`),
  ).toEqual({
    origin: '/config.toml',
    template: 'debian',
    engine: 'lxc',
    presets: new Map([
      [
        'build',
        {
          use: ['base'],
          command: ['make', '-j'],
          options: new Map<string, unknown>([
            ['clone', 'rpool/isolate/debian'],
            ['bind', ['.:/src', '/home/ada/cache:/cache:ro']],
            ['share-net', true],
            ['no-seccomp', false],
            ['pids', '100'],
            ['timeout', '1.5'],
            ['memory', '2G'],
          ]),
        },
      ],
      ['base', { use: [], command: [], options: new Map() }],
    ]),
    aliases: new Map([['b', ['@build', '-v', 'A=b c']]]),
  });
});

test('paths in the file of a project begin in its directory, as each option writes them', async () => {
  const { template, presets } = await parse(
    `
template = "./root"
[presets.a]
clone = "debian"
bind = [".:/src", "sub/../x:/x:ro", "/etc:/e", "~:/home", 'c\\:d']
env-file = [".env"]
lxc-log = "log"
disk = ["a=c.img,ro", "b=/d"]
mount = ["host-image:/x=~/i", "ram:/y=1M", "guest-bind:/z=/x", "host-bind:/w=", "host-bind:/v=v"]
[presets.b]
template = "roots/a"
clone = "../x"
`,
    ofProject,
  );
  expect({ template, a: presets.get('a')?.options, b: presets.get('b')?.options }).toEqual({
    template: '/srv/a:b/root',
    a: new Map<string, unknown>([
      ['clone', 'debian'],
      ['bind', ['/srv/a\\:b:/src', '/srv/a\\:b/x:/x:ro', '/etc:/e', '/home/ada:/home', '/srv/a\\:b/c\\:d']],
      ['env-file', ['/srv/a:b/.env']],
      ['lxc-log', '/srv/a:b/log'],
      ['disk', ['a=/srv/a:b/c.img,ro', 'b=/d']],
      ['mount', ['host-image:/x=/home/ada/i', 'ram:/y=1M', 'guest-bind:/z=/x', 'host-bind:/w=', 'host-bind:/v=/srv/a:b/v']],
    ]),
    b: new Map([
      ['template', '/srv/a:b/roots/a'],
      ['clone', '/srv/x'],
    ]),
  });
});

/** A value that each option takes. */
const valid: Readonly<Record<string, string>> = {
  bind: '["/a:/b"]',
  tmpfs: '["/a:1M"]',
  mount: '["ram:/a=1M"]',
  disk: '["a=/b"]',
  network: '["dhcp"]',
  env: '["A=1", "B"]',
  'env-file': '["/a"]',
  engine: '"chroot"',
  zfs: '"a/b"',
  storage: '"overlay"',
  chdir: '"/src"',
  user: '1000',
  memory: '"1G"',
  accel: '"tcg"',
  'uid-base': '100000',
  'gid-base': '"100000"',
};

test.each(runOptions)('--$long can stand in a preset', async ({ long, value }) => {
  const text = value === undefined ? 'true' : (valid[long] ?? '"7"');
  const { presets } = await parse(`[presets.a]\n${long} = ${text}\n`);
  expect([...(presets.get('a')?.options.keys() ?? [])]).toEqual([long]);
});

test.each<[text: string, message: string]>([
  ['template =\n', 'line 1, template: '],
  ['template = 5\n', 'line 1, template: must be a string, not 5.'],
  ['template = "a b"\n', 'line 1, template: "a b" is not a dataset that isolate can use: only letters, digits and "_.:-" are allowed.'],
  ['template = "/"\n', "line 1, template: The host's own root cannot be a template."],
  ['\nengine = "docker"\n', 'line 2, engine: There is no engine named "docker".'],
  ['count = 5\n', 'line 1, count: there is no such key.'],
  ['[preset.a]\n', 'line 1, preset: there is no such key, did you mean presets?'],
  ['presets = 5\n', 'line 1, presets: must be a table, not 5.'],
  ['[presets]\na = 5\n', 'line 2, presets.a: must be a table, not 5.'],
  ['[presets."-a"]\n', 'line 1, presets.-a: a name has at most 64 letters, digits and "._+-", the first a letter or digit.'],
  ['[presets.a]\nmemry = "1G"\n', 'line 2, presets.a.memry: there is no such key, did you mean memory?'],
  ['[presets.a]\nquiet = true\n', 'line 2, presets.a.quiet: there is no such key.'],
  ['[presets.a]\n\nmemory = "lots"\n', 'line 3, presets.a.memory: --memory takes a size such as 512M or 2G, not "lots".'],
  ['[presets.a]\nmemory = true\n', 'line 2, presets.a.memory: must be a string or a number for SIZE, not true.'],
  ['[presets.a]\nshare-net = 1\n', 'line 2, presets.a.share-net: must be true or false, not 1.'],
  ['[presets.a]\nbind = "/a"\n', 'line 2, presets.a.bind: must be a list, not "/a".'],
  ['[presets.a]\nbind = [\n"/a",\n5]\n', 'line 4, presets.a.bind: must be a list of strings, not of 5.'],
  ['[presets.a]\nbind = [\n"/a",\n"/b:c"]\n', 'line 4, presets.a.bind: The bind target "c" is not absolute.'],
  ['[presets.a]\nenv = ["=b"]\n', 'line 2, presets.a.env: The variable "=b" has no name.'],
  ['[presets.a]\ncommand = []\n', 'line 2, presets.a.command: must have at least one word.'],
  ['[presets.a]\ncommand = "make"\n', 'line 2, presets.a.command: must be a list of words, not "make".'],
  ['[presets.a]\nuse = [[]]\n', 'line 2, presets.a.use: must be a list of words, not of a list.'],
  ['[aliases]\nstatus = ["ls"]\n', 'line 2, aliases.status: a verb of isolate cannot be an alias.'],
  ['[aliases]\na = ["\\u0000"]\n', 'line 2, aliases.a: must be a list of words, not of "\\u0000".'],
  [
    '[aliases]\n__proto__ = 5\n',
    'line 2, aliases.__proto__: a name has at most 64 letters, digits and "._+-", the first a letter or digit.',
  ],
])('%j is refused with line and key', async (text, message) => {
  const told = await refusal(text);
  const wanted = `/config.toml is not valid: ${message}`;
  expect(message.endsWith(' ') ? told.slice(0, wanted.length) : told).toBe(wanted);
});

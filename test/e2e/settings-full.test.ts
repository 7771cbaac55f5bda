import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { mountSmallDisk, type SmallDisk } from '../rig/small-disk.ts';
import { temporaryTemplate } from '../rig/template.ts';

let home: SmallDisk;
let project: string;
beforeEach(() => {
  home = mountSmallDisk('tmpfs', '64k');
  project = mkdtempSync(join(tmpdir(), 'project-'));
  mkdirSync(dirname(settings()), { recursive: true, mode: 0o700 });
});
afterEach(() => {
  home.end();
  rmSync(project, { recursive: true });
});

const settings = (): string => join(home.path, '.config/isolate/config.toml');

function isolate(words: readonly string[], environment: Readonly<Record<string, string>> = {}): readonly [number | null, string] {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: home.path, ...environment };
  const { status, stderr } = spawnSync(isolatePath, words, { env, cwd: project, encoding: 'utf8', timeout: 60_000 });
  return [status, stderr.replaceAll(home.path, '~').replaceAll(project, 'PROJECT')];
}

const noSpace: readonly [number, string] = [
  1,
  'isolate: ~/.config/isolate/config.toml cannot be written: its file system is full.\nhint: free some space there\n',
];

test('settings are as before when there is no space to change them', async () => {
  const template = await temporaryTemplate();
  const text = '# mine\ntemplate = "debian"\n';
  writeFileSync(settings(), text, { mode: 0o600 });
  home.fill();
  const edit = { EDITOR: 'truncate --size=0' };
  expect([
    isolate(['template', 'default', template]),
    isolate(['config', 'edit'], edit),
    readFileSync(settings(), 'utf8'),
    readdirSync(dirname(settings())),
  ]).toEqual([noSpace, noSpace, text, ['config.toml']]);
  home.free();
  expect([isolate(['template', 'default', template])[0], readFileSync(settings(), 'utf8')]).toEqual([
    0,
    `# mine\ntemplate = "${template}"\n`,
  ]);
  rmSync(dirname(template), { recursive: true });
});

test('a template that was made is not said to be missing because it could not become the default', async () => {
  const template = await temporaryTemplate();
  home.fill();
  const made = join(dirname(template), 'made');
  const [status, stderr] = isolate(['template', 'create', '-q', made, '--from', template, '--default']);
  expect([status, stderr, readdirSync(dirname(template)), readdirSync(dirname(settings()))]).toEqual([
    1,
    `isolate: The template ${made} was made, but it could not become the default.\n` +
      'because: ~/.config/isolate/config.toml cannot be written: its file system is full.\n' +
      `hint: isolate template default ${made}\n`,
    ['made', 'root'],
    [],
  ]);
  rmSync(dirname(template), { recursive: true });
});

test('an approval for which there is no space does not count', () => {
  writeFileSync(join(project, '.isolate.toml'), '[presets.a]\nmemory = "1G"\n');
  home.fill();
  expect([
    isolate(['config', 'approve']),
    isolate(['config', 'approve'])[0],
    readdirSync(join(home.path, '.local/state/isolate/approved')),
  ]).toEqual([
    [
      1,
      'isolate: The approval cannot be kept in ~/.local/state/isolate/approved.\n' +
        'because: no space left on device\n' +
        'hint: free some space there\n',
    ],
    1,
    [],
  ]);
  home.free();
  expect(isolate(['config', 'approve'])).toEqual([0, 'isolate: Approved.\n']);
});

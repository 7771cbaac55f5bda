import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';
import { useWay } from '../rig/ways.ts';

const nodeProgram = join(dirname(isolatePath), 'isolate-node');
const home = mkdtempSync(join(tmpdir(), 'isolate-settings-ways-'));
const settings = join(home, '.config/isolate/config.toml');
const way = useWay('daemon');
beforeAll(async () => {
  mkdirSync(join(home, '.config/isolate'), { recursive: true });
  for (const name of ['approved', 'strange']) mkdirSync(join(home, name));
  await busyboxRootfs(join(home, 'root'));
  mkdirSync('/var/lib/isolate/templates', { recursive: true });
  await busyboxRootfs('/var/lib/isolate/templates/ways');
  const dataset = way.root[1] ?? '';
  writeFileSync(
    settings,
    `template = "${dataset}"
[presets.on]
wait = 60
env = ["A=1"]
bind = [".:/mnt"]
read-only = true
[presets.there]
clone = "~/root"
command = ["ls", "/"]
[presets.named]
clone = "ways"
[presets.hooked]
pre-hook = "echo before"
wait = 60
[aliases]
on = ["@on", "-v", "B=2"]
`,
  );
  writeFileSync(join(home, 'approved/.isolate.toml'), '[presets.on]\nclone = "../root"\nbind = [".:/project"]\n');
  writeFileSync(join(home, 'strange/.isolate.toml'), '[presets.on]\nclone = "../root"\n');
  expect(start(isolatePath, ['config', 'approve'], 'approved')).toMatchObject({ status: 0 });
  // The program in Node makes the places of a template's layers.
  for (const root of [join(home, 'root'), 'ways']) start(nodeProgram, ['-c', root, 'true']);
});
afterAll(() => {
  rmSync(home, { recursive: true });
  rmSync('/var/lib/isolate/templates/ways', { recursive: true });
});

function start(program: string, words: readonly string[], directory = '.'): Readonly<Record<string, unknown>> {
  const { status, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', HOME: home, TERM: 'vt100' },
    cwd: join(home, directory),
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

const shell = (line: string): readonly string[] => ['sh', '-c', line];

test.each<[what: string, words: readonly string[], takes: 'daemon' | 'node' | null, directory?: string]>([
  ['the default template', ['--wait', '60', 'cat', '/etc/os-release'], 'daemon'],
  ['a word that is nearly a verb', ['statsu'], null],
  ['a preset', ['@on', ...shell('echo $A; touch /x; ls -a /mnt')], 'daemon'],
  ['a preset and more options', ['@on', '-v', 'C=3', '-v', 'A=2', '--user', '1:1', ...shell('echo $A$C; id')], 'daemon'],
  ['a preset with another root', ['@on', '-c', './root', 'env'], 'daemon'],
  ['a preset with a directory and a command', ['@there'], 'daemon'],
  ['a preset with a name', ['@named', 'cat', '/etc/os-release'], 'daemon'],
  ['a preset with a hook', ['@hooked', 'true'], 'node'],
  ['a preset that is not there', ['@none', 'true'], null],
  ['an alias', ['on', 'env'], 'daemon'],
  ['a name', ['-c', 'ways', 'pwd'], 'daemon'],
  ['a name that is not there', ['-c', 'way', 'pwd'], null],
  ['the settings of a project', ['@on', 'ls', '/project'], 'daemon', 'approved'],
  ['settings that are not approved', ['@on', 'pwd'], 'daemon', 'strange'],
])('%s: the daemon and the program in Node do and say the same', (_, words, takes, directory) => {
  const [first = ''] = words;
  const traced = first.startsWith('@') || first === 'on' ? [first, '--trace', ...words.slice(1)] : ['--trace', ...words];
  const { stderr, ...rest } = start(isolatePath, traced, directory);
  expect(/^\+ way: ([a-z]+)/m.exec(String(stderr))?.[1] ?? null).toBe(takes);
  expect({ ...rest, stderr: String(stderr).replaceAll(/^\+ .*\n/gm, '') }).toEqual(start(nodeProgram, words, directory));
});

test('settings that would take the daemon long are left to the program in Node', () => {
  const env = { HOME: home, XDG_CONFIG_HOME: join(home, 'long') };
  const file = join(home, 'long/isolate/config.toml');
  mkdirSync(join(home, 'long/isolate'), { recursive: true });
  const run = (words: readonly string[], cwd = home): readonly unknown[] => {
    const { stdout, stderr } = spawnSync(isolatePath, words, { encoding: 'utf8', cwd, env });
    return [stdout, /^\+ way: ([a-z]+)/m.exec(stderr)?.[1]];
  };
  const long = 'x'.repeat(9000);
  writeFileSync(file, `[presets.a]\nclone = "~/root"\nenv = ["A=${long}"]\n`);
  expect(run(['@a', '--trace', 'sh', '-c', 'echo ${#A}'])).toEqual(['9000\n', 'daemon']);
  expect(run(['@a', '--trace', '-v', `B=${long}`, 'sh', '-c', 'echo ${#A} ${#B}'])).toEqual(['9000 9000\n', 'node']);
  writeFileSync(file, `#${'x'.repeat(17_000)}\n[presets.a]\nclone = "~/root"\n`);
  expect(run(['@a', '--trace', 'pwd'])).toEqual(['/\n', 'node']);
});

test('a mistake in the settings is told by both', () => {
  const run = (program: string): unknown =>
    spawnSync(program, ['true'], { encoding: 'utf8', cwd: home, env: { HOME: home, XDG_CONFIG_HOME: join(home, 'xdg') } }).stderr;
  mkdirSync(join(home, 'xdg/isolate'), { recursive: true });
  writeFileSync(join(home, 'xdg/isolate/config.toml'), '\ntemplate = 5\n');
  const said = `isolate: ${home}/xdg/isolate/config.toml is not valid: line 2, template: must be a string, not 5.\nhint: docs/settings.md describes all keys\n`;
  expect([run(isolatePath), run(nodeProgram)]).toEqual([said, said]);
});

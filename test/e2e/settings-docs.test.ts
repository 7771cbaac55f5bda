import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { hostStore, useOwnStore } from '../rig/own-store.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

useOwnStore();

const page = readFileSync(join(import.meta.dirname, '../../docs/settings.md'), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'isolate-settings-docs-'));
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

/** What the page has a reader do: files to write, and commands to type, in order. */
type Step = { readonly file: string; readonly text: string } | { readonly commands: string };

const steps: readonly Step[] = [
  ...page.matchAll(/<!-- (?<note>[^\n]*) -->\n(?:```toml\n(?<text>[^]*?)^```|\n(?: {4}[^\n]*\n)+)|(?:^ {4}(?:isolate|cd) [^\n]*\n)+/gm),
].flatMap(({ 0: whole, groups = {} }): Step[] => {
  const { note, text } = groups;
  if (note === undefined) return [{ commands: whole.replaceAll(/^ {4}/gm, '') }];
  return text === undefined ? [] : [{ file: note.replace(/^file: (?:~\/)?/, ''), text }];
});

async function makeHome(name: string, uid: number): Promise<string> {
  const home = join(scratch, name);
  const templates = uid === 0 ? hostStore : join(home, '.local/share/isolate/templates');
  mkdirSync(home);
  mkdirSync(templates, { recursive: true });
  await busyboxRootfs(join(templates, 'debian'));
  giveTo(home, uid);
  chmodSync(scratch, 0o755);
  return home;
}

function giveTo(path: string, uid: number): void {
  chownSync(path, uid, uid);
  for (const name of readdirSync(path, { recursive: true })) lchownSync(join(path, String(name)), uid, uid);
}

test.each([
  ['root', 0],
  ['another user', 54_611],
])('the commands of docs/settings.md work as written for %s', async (name, uid) => {
  const home = await makeHome(name.replace(' ', '-'), uid);
  const env = { PATH: `${dirname(isolatePath)}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: home };
  const outputs: string[] = [];
  let cwd = home;
  for (const step of steps) {
    if ('file' in step) {
      mkdirSync(dirname(join(home, step.file)), { recursive: true });
      writeFileSync(join(home, step.file), step.text);
      giveTo(home, uid);
      continue;
    }
    const script = `set -e\n${step.commands}pwd > ${home}/.cwd\n`;
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], { cwd, env, uid, gid: uid, encoding: 'utf8', timeout: 60_000 });
    expect({ commands: step.commands, status, stderr }).toEqual({
      commands: step.commands,
      status: 0,
      stderr: step.commands.includes('approve') ? 'isolate: Approved.\n' : '',
    });
    outputs.push(stdout);
    cwd = readFileSync(join(home, '.cwd'), 'utf8').trim();
  }
  const [osRelease, stat, presets, project, config] = outputs;
  expect(outputs).toHaveLength(5);
  expect(osRelease).toContain('ID=');
  expect(stat).toContain('/etc/passwd');
  expect(presets).toMatch(/project|\.cwd|^total/);
  expect(presets).toMatch(/^LANG=C.UTF-8\nCC=cc\n/m);
  expect(presets).toMatch(/^LANG=C.UTF-8\nBUILD=1\n/m);
  expect(project).toContain(`${home}/project/.isolate.toml:\n\n    template = "debian"\n`);
  expect(project).toMatch(/^\.isolate\.toml$/m);
  expect(config).toContain(`${home}/.config/isolate/config.toml: valid\n${home}/project/.isolate.toml: valid, approved\n`);
  expect(config).toMatch(new RegExp(`^@test +--bind=${home}/project:/src:ro --chdir=/src +${home}/project/.isolate.toml$`, 'm'));
});

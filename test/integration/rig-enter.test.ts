import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { parseMountinfo } from '../../src/host/mountinfo.ts';

test('tests see nothing that is mounted in the directories of isolate on the host', () => {
  const places = ['/run/isolate/a', String.raw`/run/isolate/a/b c\x2d`, '/etc/isolate/d'];
  for (const place of places) {
    mkdirSync(place, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', place]);
    onTestFinished(() => void execFileSync('umount', [place]));
  }
  const inside = execFileSync(join(import.meta.dirname, '../rig/enter'), ['cat', '/proc/self/mountinfo'], { encoding: 'utf8' });
  const below = parseMountinfo(inside).filter(({ mountpoint }) => /^\/(run|etc)\/isolate/.test(mountpoint));
  expect(below.map(({ mountpoint }) => mountpoint)).toEqual(['/run/isolate', '/etc/isolate']);
});

test('tests see no settings, templates or state of root’s own', () => {
  const command = 'echo $HOME; env | grep -c ^XDG_; cd; ls -A .config/isolate .local/share/isolate .local/state/isolate';
  const environment = { ...process.env, HOME: '/nonexistent', XDG_CONFIG_HOME: '/etc', XDG_STATE_HOME: '/var/lib' };
  const own = join(homedir(), '.config/isolate/config.toml');
  writeFileSync(own, 'template = "debian"\n');
  onTestFinished(() => rmSync(own));
  const inside = spawnSync(join(import.meta.dirname, '../rig/enter'), ['sh', '-c', command], { env: environment, encoding: 'utf8' });
  expect(inside.stdout).toBe(`${homedir()}\n0\n.config/isolate:\n\n.local/share/isolate:\n\n.local/state/isolate:\n`);
});

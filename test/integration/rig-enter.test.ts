import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
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

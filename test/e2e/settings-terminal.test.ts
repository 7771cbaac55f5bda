import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';
import { startPty } from '../rig/pty.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'isolate-settings-terminal-'));
  mkdirSync(join(home, '.config/isolate'), { recursive: true });
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

test('config edit offers a bad edit again, and saves it once it is valid', async () => {
  const editor = join(home, 'editor');
  const settings = join(home, '.config/isolate/config.toml');
  // The first edit is bad, the second mends what the first has left.
  writeFileSync(editor, '#!/bin/sh\nif grep -q 5 "$1"; then sed -i s/5/\'"a"\'/ "$1"; else echo template = 5 > "$1"; fi\n', {
    mode: 0o755,
  });
  const pty = await startPty([isolatePath, 'config', 'edit'], { HOME: home, EDITOR: editor });
  await pty.see('line 1, template: must be a string, not 5.');
  await pty.see('Edit it again? [Y/n] ');
  pty.type('\n');
  await pty.see('Saved ');
  expect(await pty.ended).toBe(0);
  expect(readFileSync(settings, 'utf8')).toBe('template = "a"\n');
});

test('config edit saves nothing if its user gives up', async () => {
  const settings = join(home, '.config/isolate/config.toml');
  writeFileSync(settings, 'template = "before"\n');
  const editor = join(home, 'editor');
  writeFileSync(editor, '#!/bin/sh\necho template = 5 > "$1"\n', { mode: 0o755 });
  const pty = await startPty([isolatePath, 'config', 'edit'], { HOME: home, EDITOR: editor });
  await pty.see('[Y/n] ');
  pty.type('n\n');
  await pty.see('Nothing was saved.');
  expect(await pty.ended).toBe(1 << 8);
  expect(readFileSync(settings, 'utf8')).toBe('template = "before"\n');
});

test('config approve asks on a terminal, and an empty answer means no', async () => {
  const file = join(home, '.isolate.toml');
  writeFileSync(file, 'template = "a"\n');
  for (const [answer, said, status] of [
    ['\n', 'Not approved.', 1 << 8],
    ['yes\n', 'Approved.', 0],
  ] as const) {
    const pty = await startPty([isolatePath, 'config', 'approve', file], { HOME: home });
    await pty.see('    template = "a"');
    await pty.see('[y/N] ');
    pty.type(answer);
    await pty.see(`isolate: ${said}`);
    expect(await pty.ended).toBe(status);
  }
});

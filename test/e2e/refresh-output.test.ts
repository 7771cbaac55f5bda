import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { commandLine } from '../rig/command-line.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
let template: ZfsTemplate;
beforeAll(async () => {
  template = await makeZfsTemplate();
});
afterAll(async () => {
  commandLine(['-q', '-f', '-s', '-r', template.dataset]);
  await template.pool.end();
});

test('without a terminal progress is plain lines on stderr, and the summary one line on stdout', () => {
  const { status, stdout, stderr } = commandLine(['refresh', template.dataset, '2']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/^(made \d of 2\n)*made 2 of 2\n$/) });
  expect(stdout.replace(/in [\d.]+ s/, 'in TIME')).toBe(
    `${template.dataset}: destroyed 0, made 2 in TIME; 2 of 2 fresh, 0 in use, from ${template.dataset}@first\n`,
  );
});

test('on a terminal progress is a bar that is gone at the end', () => {
  const line = [process.execPath, main, '-f', '-r', template.dataset, '1'].join(' ');
  const { stdout, status } = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8', timeout: 60_000 });
  expect(status).toBe(0);
  expect(stdout).toContain(`\r\u001b[Kmaking     [${'#'.repeat(30)}] 1/1`);
  // zfs-fuse may keep the clones that are replaced busy for a while.
  expect(stdout).toMatch(/\r\u001b\[K[^\r\u001b]*1 of 1 fresh[^\r\u001b]*\r\n(?:clone \d+ is still in use[^\r\u001b]*\r\n)*$/);
});

test('-q prints nothing about a refresh that succeeds', () => {
  expect(commandLine(['-q', '-r', template.dataset, '1'])).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('a missing dataset is an error with status 1', () => {
  const { status, stdout, stderr } = commandLine(['refresh', `${template.dataset}x`, '1']);
  expect({ status, stdout, firstLine: stderr.split('\n')[0] }).toEqual({
    status: 1,
    stdout: '',
    firstLine: expect.stringContaining(`${template.dataset}x`),
  });
});

test('watch refreshes until it is told to stop, and that is success', async () => {
  const child = spawn(process.execPath, [main, 'watch', `${template.dataset}=2`], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGTERM');
  const [status] = (await once(child, 'exit')) as [number | null];
  expect({ isWhole: chunk.toString().includes('2 of 2 fresh'), status }).toEqual({ isWhole: true, status: 0 });
});

test('a refresh that contradicts the settings says so, and what will happen next', () => {
  writeFileSync('/etc/isolate/config.toml', `[templates."${template.dataset}"]\ncount = 2\n`);
  try {
    const { status, stderr } = commandLine(['refresh', template.dataset, '1']);
    expect({ status, last: stderr.trimEnd().split('\n').at(-1) }).toEqual({
      status: 0,
      last: `isolate: The settings (/etc/isolate/config.toml) say 2 for ${template.dataset}: the next refresh without a number will make 1 more.`,
    });
    expect(commandLine(['refresh', template.dataset, '2']).stderr).not.toContain('settings');
  } finally {
    rmSync('/etc/isolate/config.toml');
  }
});

import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { configPath } from '../../src/config/config.ts';
import { isolate } from '../rig/isolate.ts';
import { temporaryTemplate } from '../rig/template.ts';

const uid = 54_606;
let home: string;
// As docs/install.md installs the settings.
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'private-'));
  chownSync(home, uid, uid);
  writeFileSync(configPath, '[templates."tank/secret"]\n');
  chmodSync(configPath, 0o640);
});
afterAll(() => {
  rmSync(configPath);
  rmSync(home, { recursive: true });
});

const asUser = async (...words: readonly string[]): Promise<Record<string, unknown>> => ({
  ...(await isolate(words, { uid, cwd: '/', environment: { HOME: home } })),
});

test('doctor tells a user who cannot read the settings that this does no harm', async () => {
  const { stdout } = await asUser('doctor', '--json');
  expect((JSON.parse(stdout as string) as { checks: { id: string }[] }).checks.find(({ id }) => id === 'settings')).toEqual({
    id: 'settings',
    state: 'ok',
    fact: `${configPath} cannot be read by you, which does no harm`,
  });
});

test.each([
  [['watch'], 'Only root can keep pools full.'],
  [['watch', 'tank/secret'], 'Only root can refresh the pool of tank/secret.'],
  [['refresh', 'tank/secret'], 'Only root can refresh the pool of tank/secret.'],
])('%j of a user who cannot read the settings says that it is for root', async (words, message) => {
  const { stdout, stderr } = await asUser(...words);
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: `isolate: ${message}\nhint: run isolate with sudo\n` });
});

test('a directory of signals that an earlier version left open to all is closed', async () => {
  mkdirSync('/run/isolate/signal', { recursive: true, mode: 0o755 });
  const template = await temporaryTemplate();
  expect(await isolate(['-q', '-t', template, '--read-only', 'true'])).toMatchObject({ status: 0, stderr: '' });
  rmSync(dirname(template), { recursive: true });
  expect((statSync('/run/isolate/signal').mode & 0o777).toString(8)).toBe('700');
  expect(readFileSync(join(import.meta.dirname, '../../units/isolate-tmpfiles.conf'), 'utf8')).toContain(
    'd /run/isolate/signal 0700 root root\n',
  );
});

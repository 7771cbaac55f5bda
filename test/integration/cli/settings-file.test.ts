import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { changeFile } from '../../../src/cli/commands/config/settings-file.ts';
import { formatHolder, readHolder, readOwnHolder } from '../../../src/pool/holder.ts';

test('a change of settings removes what killed processes left of theirs, and nothing of those that live', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-settings-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'config.toml');
  const dead = `.edit-${formatHolder({ ...readOwnHolder(), startTime: '1' })}.toml`;
  const living = `.edit-${formatHolder(readHolder(1) ?? readOwnHolder())}.toml`;
  for (const name of [dead, living]) writeFileSync(join(directory, name), '');
  await changeFile({ path, start: '', mode: 0o600, directoryMode: 0o700, check: async () => {} }, async () => 'template = "debian"\n');
  expect([readdirSync(directory).toSorted(), readFileSync(path, 'utf8')]).toEqual([[living, 'config.toml'], 'template = "debian"\n']);
});

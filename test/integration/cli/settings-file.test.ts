import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { changeFile } from '../../../src/cli/commands/config/settings-file.ts';
import { formatHolder, readOwnHolder } from '../../../src/pool/holder.ts';
import { readOwnPidNamespace } from '../../../src/pool/pid-namespace.ts';

test('a change of settings removes what killed processes left of theirs, and nothing of those that live', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-settings-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'config.toml');
  const left = `${formatHolder({ ...readOwnHolder(), startTime: '1' })}.abcdef.toml`;
  const namespace = readOwnPidNamespace().replaceAll(/[^0-9]/g, '');
  // In a container that shares this home, the number is another process.
  const [dead, elsewhere] = [`.edit-${namespace}.${left}`, `.edit-1.${left}`] as const;
  const living = `.edit-${namespace}.${formatHolder(readOwnHolder())}.abcdef.toml`;
  for (const name of [dead, elsewhere, living]) writeFileSync(join(directory, name), '');
  await changeFile({ path, start: '', mode: 0o600, directoryMode: 0o700, check: async () => {} }, async () => 'template = "debian"\n');
  expect([new Set(readdirSync(directory)), readFileSync(path, 'utf8')]).toEqual([
    new Set([elsewhere, living, 'config.toml']),
    'template = "debian"\n',
  ]);
});

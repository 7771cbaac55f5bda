import { expect, test } from 'vitest';

import { renderJson } from '../../src/changes/render/json.ts';
import { nameLine } from '../../src/changes/render/names.ts';
import { porcelainLine } from '../../src/changes/render/porcelain.ts';
import { renderStat } from '../../src/changes/render/stat.ts';
import { renderText } from '../../src/changes/render/text.ts';
import { joinAll, sampleChanges } from '../rig/sample-changes.ts';

const golden = (name: string): string => `changes/${name}`;
const join = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString('latin1');

test('a diff is the golden text', async () => {
  await expect(renderText(sampleChanges, { colour: false, all: false, saysAll: true })).toMatchFileSnapshot(golden('text.txt'));
});

test('a diff of everything in colour is the golden text', async () => {
  await expect(renderText(sampleChanges, { colour: true, all: true, saysAll: true })).toMatchFileSnapshot(golden('text-colour.txt'));
});

test('--porcelain is the golden text', async () => {
  await expect(join(sampleChanges.map((change) => porcelainLine(change, { zero: false })))).toMatchFileSnapshot(golden('porcelain.txt'));
});

test('--name-only is the golden text', async () => {
  await expect(join(sampleChanges.map((change) => nameLine(change, { zero: false })))).toMatchFileSnapshot(golden('names.txt'));
});

test('--stat is the golden text', async () => {
  const counts = new Map([
    ['etc/passwd', { added: 2, removed: 1 }],
    ['etc/motd', { added: 0, removed: 120 }],
  ]);
  await expect(renderStat(sampleChanges, (path) => counts.get(path))).toMatchFileSnapshot(golden('stat.txt'));
});

test('--json is the golden text', async () => {
  const report = {
    summary: '1 set-uid program.',
    findings: [
      {
        rule: 'set-uid',
        category: 'rights',
        risk: 'high',
        count: 1,
        what: 'set-uid program',
        ofPackages: 0,
        inFull: 1,
        items: ['helper'],
        paths: ['usr/local/bin/helper', 'x\xff'],
        why: 'It runs as root.',
      } as const,
    ],
  };
  await expect(await joinAll(renderJson(sampleChanges, report))).toMatchFileSnapshot(golden('json.json'));
});

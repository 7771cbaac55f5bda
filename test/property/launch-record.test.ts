import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { bareLaunch, launcherPath } from '../rig/launches.ts';

const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const name = text.filter((value) => value !== '' && !value.includes('='));
const path = text.map((value) => `/${value}`);
const launches = fc
  .record({
    args: fc.array(text, { maxLength: 20 }),
    environment: fc.dictionary(name, text),
    root: path,
    content: fc.uint8Array({ maxLength: 5000 }),
  })
  .map(({ args, environment, root, content }) =>
    bareLaunch(['/x', ...args], { environment, root, descriptors: [{ number: 9, kind: 'data', label: 'content', content }] }),
  );

describe('the launch record', () => {
  it('of any launch is taken, and refused after any one byte of its frame was changed', async () => {
    const launcher = await launcherPath();
    const check = (input: Uint8Array): number | null => spawnSync(launcher, ['--check-record'], { input, env: {}, timeout: 60_000 }).status;
    fc.assert(
      fc.property(launches, fc.nat({ max: 11 }), fc.integer({ min: 1, max: 255 }), (launch, at, change) => {
        const record = encodeLaunchRecord(launch, { supervised: true });
        expect(check(record)).toBe(0);
        record[at] = (record[at] ?? 0) ^ change;
        expect(check(record)).toBe(125);
      }),
      { numRuns: 60 },
    );
  });

  it('is never more than refused, whatever the bytes', async () => {
    const launcher = await launcherPath();
    const bytes = fc.uint8Array({ maxLength: 300 }).map((body) => {
      const header = Buffer.from('ISOLREC1\0\0\0\0');
      header.writeUInt32LE(body.length, 8);
      return Buffer.concat([header, body]);
    });
    fc.assert(
      fc.property(bytes, (input) => {
        expect(spawnSync(launcher, ['--check-record'], { input, env: {}, timeout: 60_000 }).status).toBe(125);
      }),
      { numRuns: 60 },
    );
  });
});

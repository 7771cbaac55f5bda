import { readFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { fillDirectory } from '../../rig/filling.ts';
import { archiveOf, dockerFiles, layoutFiles, writeArchive } from '../../rig/images.ts';
import { tarOf } from '../../rig/tar.ts';

const rounds = process.env['ISOLATE_STORM'] === undefined ? 30 : 600;
const content = 'shell'.repeat(300);
const layers = [
  tarOf([{ path: 'usr/' }, { path: 'usr/sh', content }]),
  tarOf([{ path: 'usr/.wh.x' }, { path: 'usr/again', type: '1', target: 'usr/sh' }]),
];
const images: readonly (readonly [string, Buffer])[] = [
  ['oci-archive', archiveOf(layoutFiles(layers.map((tar) => ({ tar }))))],
  ['docker-archive', archiveOf(dockerFiles(layers))],
  ['oci-archive', gzipSync(archiveOf(layoutFiles(layers.map((tar) => ({ tar })))))],
];

/** Damages other bytes each time, and the same ones in each run of the tests. */
function damage(bytes: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  const damaged = random(4) === 0 ? copy.subarray(0, 1 + random(copy.length - 1)) : copy;
  for (let count = random(3); count >= 0; count -= 1) damaged.writeUInt8(random(256), random(damaged.length));
  return damaged;
}

test('an image with damaged bytes is refused, or comes in whole if they mean nothing', { timeout: 30_000 + rounds * 2000 }, async () => {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const outcomes = new Set<unknown>();
  for (let round = 0; round < rounds; round += 1) {
    const [format = '', bytes = Buffer.alloc(0)] = images[round % images.length] ?? [];
    const root = mkdtempSync(join(tmpdir(), 'damaged-'));
    const outcome = await fillDirectory(root, `${format}:${writeArchive(damage(bytes, random))}`).then(
      () => ['sh', 'again'].map((name) => readFileSync(join(root, 'usr', name), 'utf8') === content).join(' '),
      (error: unknown) => (error instanceof IsolateError ? error.code : error),
    );
    outcomes.add(outcome);
  }
  expect(outcomes).toEqual(new Set(['bad-source', 'true true']));
});

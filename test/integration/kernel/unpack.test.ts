import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

import { expect, test } from 'vitest';

import type { Compression } from '../../../src/kernel/image.ts';
import { unpack } from '../../../src/kernel/unpack.ts';
import { findTool } from '../../../src/host/tools.ts';

const find = (name: string): string | null => findTool(name, 'root', undefined);
const plain = Buffer.concat([Buffer.alloc(300_000, 'kernel '), randomBytes(10_000)]);
const packers: Readonly<Record<Compression, readonly string[]>> = {
  gzip: ['gzip', '-c'],
  xz: ['xz', '-c', '--check=crc32'],
  zstd: ['zstd', '-q', '-c'],
  lz4: ['lz4', '-l', '-q', '-c'],
  lzma: ['xz', '--format=lzma', '-c'],
  bzip2: ['bzip2', '-c'],
};

test.each(Object.entries(packers))(
  'what %s packed is unpacked, and refused by name if it is damaged',
  async (name, [program = '', ...options]) => {
    const packed = execFileSync(program, options, { input: plain });
    const compression = name as Compression;
    expect((await unpack('/boot/x', packed, compression, find)).equals(plain)).toBe(true);
    packed.fill(0x55, 40);
    await expect(unpack('/boot/x', packed, compression, find)).rejects.toMatchObject({
      code: 'bad-kernel',
      message: '/boot/x cannot be unpacked: its compressed contents are damaged.',
    });
  },
);

test('a program that is not installed is named, with its package', async () => {
  const without = (missing: string) => (name: string) => (name === missing ? null : find(name));
  await expect(unpack('/boot/x', plain, 'xz', without('xz'))).rejects.toMatchObject({
    code: 'missing-tool',
    message: '/boot/x is compressed with xz, and xz is not installed.',
    hint: 'apt-get install xz-utils',
  });
});

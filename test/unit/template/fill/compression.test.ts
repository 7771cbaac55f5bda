import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

import { magicBytes, recognizeCompression } from '../../../../src/template/fill/compression.ts';

test.each(['gzip', 'bzip2', 'xz', 'zstd', 'lz4'])('what %s compresses is recognized', (program) => {
  const compressed = execFileSync(program, ['-c'], { input: Buffer.alloc(1000) });
  expect(recognizeCompression(compressed.subarray(0, magicBytes))).toBe(program);
});

test('an archive that is not compressed is recognized as such', () => {
  const archive = execFileSync('tar', ['-cf', '-', '-C', '/usr', 'bin/true']);
  expect(recognizeCompression(archive.subarray(0, magicBytes))).toBeNull();
  expect(recognizeCompression(Buffer.alloc(0))).toBeNull();
  expect(recognizeCompression(Buffer.from([0x5e, 0x2a, 0x4d, 0x18]))).toBe('zstd');
});

import { expect, test } from 'vitest';
import { encodeMountRequest } from '../../../../src/storage/zfs/fuse-mount.ts';

test('writes the request that zfs(8) of zfs-fuse 0.7.0 was recorded to write', () => {
  // Bytes 4 to 7 and the end of the header are padding, which zfs(8) leaves as it finds it.
  const header = '0600000000000000' + '0500000015000000' + '0000000000000000' + '0000000000000000';
  expect(encodeMountRequest('p/t_1', '/run/isolate/mnt/t/01').toString('hex')).toBe(
    header + Buffer.from('p/t_1/run/isolate/mnt/t/01').toString('hex'),
  );
});

import { expect, test } from 'vitest';

import type { CommandResult } from '../../../../src/process/command.ts';
import type { ZfsContext } from '../../../../src/storage/zfs/commands.ts';
import { destroyTogether } from '../../../../src/storage/zfs/destroy-together.ts';

const refs = ['17959875474581465246', '17959875474581465247'].map((id) => ({ id, guid: '1', source: 'pool/t@1' }));

/** All that zfs says, to any command. */
function contextWith(answer: CommandResult): ZfsContext {
  return { template: 'pool/t', zfs: async () => answer, zfsMany: async () => false, umount: async () => answer } as unknown as ZfsContext;
}

test('clones of which zfs says that they do not exist are gone', async () => {
  const stderr = refs.map(({ id }) => `cannot open 'pool/t_${id}': dataset does not exist\n`).join('');
  const destroyed = await destroyTogether(contextWith({ exitCode: 1, stdout: '', stderr }), refs);
  expect(destroyed).toEqual(refs.map((ref) => ({ ref, mountpoint: null })));
});

test.each([
  ['was killed before it said anything', { exitCode: 137, stdout: '', stderr: '' }],
  ['failed otherwise', { exitCode: 1, stdout: '', stderr: 'internal error: out of memory\n' }],
])('no clone is taken for destroyed because zfs %s', async (_, answer) => {
  expect(await destroyTogether(contextWith(answer), refs)).toEqual([]);
});

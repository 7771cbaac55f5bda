import fc from 'fast-check';
import { expect, test } from 'vitest';

import { moduleName, orderModules, readModuleInfo } from '../../../src/kernel/module.ts';

/** An ELF file with the section `.modinfo`. */
function kernelModule(fields: readonly string[]): Buffer {
  const info = Buffer.from(`${fields.join('\0')}\0`);
  const names = Buffer.from('\0.shstrtab\0.modinfo\0');
  const table = 64 + info.length + names.length;
  const file = Buffer.alloc(table + 3 * 64);
  file.write('\u007FELF', 'latin1');
  file.writeBigUInt64LE(BigInt(table), 0x28);
  for (const [value, at] of [
    [64, 0x3a],
    [3, 0x3c],
    [1, 0x3e],
  ] as const)
    file.writeUInt16LE(value, at);
  info.copy(file, 64);
  names.copy(file, 64 + info.length);
  const sections = [
    [1, 64 + info.length, names.length],
    [11, 64, info.length],
  ] as const;
  for (const [index, [name, start, length]] of sections.entries()) {
    const at = table + (index + 1) * 64;
    file.writeUInt32LE(name, at);
    file.writeBigUInt64LE(BigInt(start), at + 24);
    file.writeBigUInt64LE(BigInt(length), at + 32);
  }
  return file;
}

test('a module says what it needs, and what it wants before it', () => {
  const fields = ['license=GPL', 'softdep=pre: crypto-crc32c snd_pcm post: never', 'depends=jbd2,mbcache,crc-16', 'name=ext4', 'depends='];
  expect(readModuleInfo(kernelModule(fields))).toEqual({ depends: ['jbd2', 'mbcache', 'crc_16'], softly: ['crypto_crc32c', 'snd_pcm'] });
  expect(readModuleInfo(kernelModule(['name=x', 'softdep=post: y']))).toEqual({ depends: [], softly: [] });
  expect(readModuleInfo(Buffer.from('no module'))).toBeNull();
});

test('a module that was cut anywhere is read or is none', () => {
  const whole = kernelModule(['depends=a,b']);
  for (let length = 0; length < whole.length; length += 1)
    expect([null, 'object']).toContain(readModuleInfo(whole.subarray(0, length)) && 'object');
});

test('modules are loaded once, and each behind all that it needs', async () => {
  const graph = fc.array(fc.array(fc.nat(19), { maxLength: 4 }), { minLength: 20, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(graph, fc.array(fc.nat(25), { maxLength: 6 }), async (edges, wanted) => {
      // Only of those before them, so that there is no circle.
      const needs = (name: string): readonly string[] => (edges[Number(name)] ?? []).filter((other) => other < Number(name)).map(String);
      const order = await orderModules(wanted.map(String), async (name) =>
        Number(name) < 20 ? { depends: needs(name), softly: [] } : null,
      );
      expect(new Set(order).size).toBe(order.length);
      for (const name of wanted.map(String)) expect(order.includes(name)).toBe(Number(name) < 20);
      for (const [index, name] of order.entries()) for (const other of needs(name)) expect(order.slice(0, index)).toContain(other);
    }),
  );
});

test('modules that need one another are loaded all the same', async () => {
  const needs: Readonly<Record<string, readonly string[]>> = { a: ['b'], b: ['a'] };
  expect(await orderModules(['a'], async (name) => ({ depends: needs[name] ?? [], softly: [] }))).toEqual(['b', 'a']);
});

test('names are as the kernel writes them', () => {
  expect(moduleName('virtio-pci')).toBe('virtio_pci');
});

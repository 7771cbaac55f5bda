import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { hasDirectEntry, readImage } from '../../../src/kernel/image.ts';

const release = '6.1.0-57-amd64';

/** A bzImage with a header of two sectors and this payload. */
function bzImage(payload: Buffer, version = release): Buffer {
  const image = Buffer.alloc(3 * 512 + 64 + payload.length);
  image[0x1f1] = 2;
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(0x020f, 0x206);
  image.writeUInt16LE(0x300, 0x20e);
  image.write(`${version} (somebody@somewhere) #1 SMP\0`, 0x500, 'latin1');
  image.writeUInt32LE(64, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, 3 * 512 + 64);
  return image;
}

/** An ELF file with one segment of notes, each a name and a type. */
function elf(notes: readonly (readonly [name: string, type: number])[]): Buffer {
  const encoded = Buffer.concat(
    notes.map(([name, type]) => {
      const head = Buffer.alloc(12);
      head.writeUInt32LE(name.length + 1, 0);
      head.writeUInt32LE(8, 4);
      head.writeUInt32LE(type, 8);
      return Buffer.concat([head, Buffer.from(name.padEnd((name.length + 4) & ~3, '\0')), Buffer.alloc(8)]);
    }),
  );
  const head = Buffer.alloc(64 + 56);
  head.write('\u007FELF', 'latin1');
  head.writeBigUInt64LE(64n, 0x20);
  head.writeUInt16LE(56, 0x36);
  head.writeUInt16LE(1, 0x38);
  head.writeUInt32LE(4, 64);
  head.writeBigUInt64LE(BigInt(head.length), 64 + 8);
  head.writeBigUInt64LE(BigInt(encoded.length), 64 + 32);
  return Buffer.concat([head, encoded, Buffer.from(`\0Linux version %s (x)\0Linux version ${release} (y) #1\n`)]);
}

describe('an image of a kernel', () => {
  test.each([
    ['gzip', '1f8b0800', ''],
    ['xz', 'fd377a585a0000', '01020304'],
    ['zstd', '28b52ffd00', '01020304'],
    ['lz4', '02214c1800', '01020304'],
    ['lzma', '5d00000001', '01020304'],
    ['bzip2', '425a683900', '01020304'],
  ])('says its release, and what it has inside by %s', (compression, packed, length) => {
    const payload = Buffer.from(packed + length, 'hex');
    expect(readImage('vmlinuz', bzImage(payload))).toEqual({ release, payload: { compression, bytes: Buffer.from(packed, 'hex') } });
  });

  test('may be uncompressed', () => {
    expect(readImage('vmlinux', elf([]))).toEqual({ release, payload: null });
  });

  test.each([
    ['', 'it is neither a bzImage nor an ELF file'],
    ['#!/bin/sh\n'.repeat(100), 'it is neither a bzImage nor an ELF file'],
    [bzImage(Buffer.from('not packed')).toString('latin1'), 'it is compressed in a way that isolate does not know'],
  ])('is not what anything else is (%#)', (content, why) => {
    expect(() => readImage('/boot/x', Buffer.from(content, 'latin1'))).toThrow(
      expect.objectContaining({ code: 'bad-kernel', message: `/boot/x is no kernel that a machine can boot: ${why}.` }),
    );
  });

  test('that was cut or changed anywhere is read or refused, and nothing else', () => {
    const image = fc.constantFrom(
      bzImage(Buffer.from('fd377a585a0000ffffffff', 'hex')),
      elf([
        ['GNU', 3],
        ['Xen', 6],
        ['Xen', 18],
      ]),
    );
    fc.assert(
      fc.property(image, fc.nat(2000), fc.nat(2000), fc.nat(255), (bytes, length, at, value) => {
        const changed = Buffer.from(bytes.subarray(0, length));
        if (at < changed.length) changed[at] = value;
        try {
          readImage('x', changed);
        } catch (error) {
          expect(error).toBeInstanceOf(IsolateError);
        }
        expect([true, false]).toContain(hasDirectEntry(changed));
      }),
      { numRuns: 2000 },
    );
  });
});

test.each(['../../etc', '..', '6.1/x', 'a b', ''])('the release %j of a kernel leads nowhere', (version) => {
  const image = bzImage(Buffer.from('1f8b0800', 'hex'), version);
  if (version === '' || version === 'a b') expect(readImage('x', image).release).toBe(version === '' ? null : 'a');
  else
    expect(() => readImage('x', image)).toThrow(
      `x is no kernel that a machine can boot: it says that its release is ${JSON.stringify(version)}.`,
    );
});

test('a note of any size ends the search for others', () => {
  const kernel = elf([
    ['GNU', 3],
    ['Xen', 18],
  ]);
  for (const size of [0xffff_fff0, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000]) {
    const changed = Buffer.from(kernel);
    changed.writeUInt32LE(size, 64 + 56);
    expect(hasDirectEntry(changed)).toBe(false);
  }
});

test('a kernel that can be entered directly has the note of Xen that says where', () => {
  expect(
    hasDirectEntry(
      elf([
        ['GNU', 3],
        ['Xen', 6],
        ['Xen', 18],
      ]),
    ),
  ).toBe(true);
  expect(
    hasDirectEntry(
      elf([
        ['GNU', 18],
        ['Xen', 6],
      ]),
    ),
  ).toBe(false);
  expect(hasDirectEntry(elf([]))).toBe(false);
  expect(hasDirectEntry(Buffer.from('vmlinux'))).toBe(false);
});

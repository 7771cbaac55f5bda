/** A program that undoes a compression when it is called with `-d`. */
export type Decompressor = 'gzip' | 'bzip2' | 'xz' | 'zstd' | 'lz4' | 'lzip';

/** As many bytes of a file as its compression can be told from. */
export const magicBytes = 8;

const magics: readonly (readonly [Decompressor, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50]],
];

/** The compression of a file by its first bytes; null: none that is known. */
export function recognizeCompression(start: Uint8Array): Decompressor | null {
  // A frame of zstd that only carries data of others, as pzstd and seekable archives begin with.
  if (start.length >= 4 && (start[0] ?? 0) >> 4 === 5 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18) return 'zstd';
  return magics.find(([, magic]) => magic.every((byte, index) => start[index] === byte))?.[0] ?? null;
}

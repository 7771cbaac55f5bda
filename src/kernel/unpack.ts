import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

import { IsolateError } from '../error.ts';
import { runCommand } from '../process/command.ts';
import type { Compression } from './image.ts';

/** Finds a program of the host; null: there is none. */
export type FindProgram = (name: string) => string | null;

/** No kernel and no module is larger when it is unpacked. */
const mostBytes = 2 ** 29;

/** Unpacks `bytes`, which came from `name`. Throws `bad-kernel`, and `missing-tool` where Node has no means and the host neither. */
export async function unpack(name: string, bytes: Buffer, compression: Compression, find: FindProgram): Promise<Buffer> {
  try {
    if (compression === 'gzip') return gunzipSync(bytes, { maxOutputLength: mostBytes });
    if (compression === 'zstd') return zstdDecompressSync(bytes, { maxOutputLength: mostBytes });
  } catch (cause) {
    throw broken(name, cause);
  }
  return await unpackByProgram(name, bytes, compression, find);
}

function broken(name: string, cause: unknown): IsolateError {
  return new IsolateError('bad-kernel', `${name} cannot be unpacked: its compressed contents are damaged.`, { cause });
}

async function unpackByProgram(
  name: string,
  bytes: Buffer,
  compression: Exclude<Compression, 'gzip' | 'zstd'>,
  find: FindProgram,
): Promise<Buffer> {
  const program = compression === 'lzma' ? 'xz' : compression;
  const [file, limiter] = [find(program), find('prlimit')];
  if (file === null || limiter === null) {
    throw new IsolateError(
      'missing-tool',
      `${name} is compressed with ${compression}, and ${file === null ? program : 'prlimit'} is not installed.`,
      {
        hint: `apt-get install ${file === null ? { xz: 'xz-utils', lz4: 'lz4', bzip2: 'bzip2' }[program] : 'util-linux'}`,
      },
    );
  }
  const directory = mkdtempSync(join(tmpdir(), 'isolate-kernel-'));
  try {
    // By this ending the programs find the name of what they unpack.
    const ending = compression === 'bzip2' ? 'bz2' : compression;
    const [packed, unpacked] = [join(directory, `image.${ending}`), join(directory, 'image')];
    writeFileSync(packed, bytes);
    const args = compression === 'lz4' ? ['-d', '-q', packed, unpacked] : ['-d', packed];
    const { exitCode, stderr } = await runCommand({
      file: limiter,
      args: [`--fsize=${mostBytes}`, '--', file, ...args],
      timeoutMs: 60_000,
    });
    if (exitCode !== 0) throw broken(name, new Error(stderr.trim() || `${program} ended with ${exitCode}`));
    return readFileSync(unpacked);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

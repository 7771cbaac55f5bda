import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import { IsolateError } from '../../error.ts';
import type { ImageFiles } from './image-files.ts';
import { bad } from './json.ts';

/** An image layout in a directory of this host. A link there could lead to a file that is not the image's, so none is followed. */
export function filesInDirectory(directory: string): ImageFiles {
  return {
    name: directory,
    read: async (path, most) => {
      const file = await openRegular(directory, path);
      try {
        if ((await file.stat()).size > most) throw bad(`${join(directory, path)} is longer than ${most} bytes.`);
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
    open: async (path) => (await openRegular(directory, path)).createReadStream({ highWaterMark: 2 ** 18 }),
  };
}

async function openRegular(directory: string, path: string): Promise<FileHandle> {
  const file = join(directory, path);
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw bad(`${file} is a symbolic link.`);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw bad(`${directory} has no ${path}, so it is not a whole image.`);
    throw new IsolateError(code === 'EACCES' ? 'not-permitted' : 'bad-source', `${file} cannot be read.`, { cause });
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw bad(`${file} is not a regular file.`);
}

import { open, readdir, readlink } from 'node:fs/promises';

/** How many open files of a process are checked, because a user can have very many. */
const mostFiles = 4096;
const mostMapBytes = 1024 * 1024;

/**
 * For each of these directories, whether the process uses it or something below it: as its working or root directory, its program, an
 * open file or a mapped one (proc_pid_cwd(5) etc.). Does not ask file systems, which may never answer. Only for processes of this mount
 * namespace, whose paths are ours. A process that ends during this or belongs to another user uses none.
 */
export async function findInside(process: string, directories: readonly string[]): Promise<readonly boolean[]> {
  const links = [...['cwd', 'root', 'exe'].map((name) => `/proc/${process}/${name}`), ...(await listFiles(process))];
  const paths: string[] = [];
  for (const link of links) paths.push(await readlink(link).catch(() => ''));
  const maps = await readStart(`/proc/${process}/maps`);
  return directories.map((directory) => paths.some((path) => isIn(path, directory)) || maps.includes(` ${directory}/`));
}

async function listFiles(process: string): Promise<readonly string[]> {
  const names = await readdir(`/proc/${process}/fd`).catch(() => []);
  return names.slice(0, mostFiles).map((name) => `/proc/${process}/fd/${name}`);
}

/** The kernel returns a few kilobytes at a time, whatever the size of the buffer. */
async function readStart(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return '';
  try {
    const parts: Buffer[] = [];
    for (let size = 0; size < mostMapBytes;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536));
      if (bytesRead === 0) break;
      parts.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    return Buffer.concat(parts).toString();
  } catch {
    return '';
  } finally {
    await file.close();
  }
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

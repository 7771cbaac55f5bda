import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { constants } from 'node:os';

const socketPath = '/var/run/zfs/zfs_socket';
const timeoutMs = 10_000;
/** `MOUNT_REQ` of zfs-fuse's zfsfuse_cmd_t; the lengths of data set, directory and options follow at fixed places. */
const mountRequest = 6;
const headerLength = 32;

/**
 * Asks the zfs-fuse daemon to mount a dataset, with the same message that zfs(8) sends. zfs(8) would need a second command and a
 * transaction: a mountable clone is mounted as soon as it is made, and clones that are mounted then cannot be made in parallel. Nothing
 * else may mount at the same time. zfs-fuse 0.7.0 is the last version, so its message does not change; if this throws, the caller falls
 * back to zfs(8). Its code is EBUSY while the data set is still being unmounted.
 */
export async function mountByDaemon(dataset: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const socket = createConnection(socketPath);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    await once(socket, 'connect', { signal: timeout });
    socket.write(encodeMountRequest(dataset, directory));
    const [answer] = (await once(socket, 'data', { signal: timeout })) as [Buffer];
    const errno = answer.length === 4 ? answer.readInt32LE() : -1;
    if (errno === 0) return;
    const error = new Error(`zfs-fuse refused to mount ${dataset}: error ${errno}`);
    throw errno === constants.errno.EBUSY ? Object.assign(error, { code: 'EBUSY' }) : error;
  } finally {
    socket.destroy();
  }
}

/** The request as zfs(8) writes it on 64-bit little-endian machines, the only ones for which zfs-fuse is packaged here. */
export function encodeMountRequest(dataset: string, directory: string): Buffer {
  const header = Buffer.alloc(headerLength);
  const [spec, path] = [Buffer.from(dataset), Buffer.from(directory)];
  header.writeUInt32LE(mountRequest, 0);
  header.writeUInt32LE(spec.length, 8);
  header.writeUInt32LE(path.length, 12);
  return Buffer.concat([header, spec, path]);
}

// Writes an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst) with a program as /init.
//
//   node scripts/build-initramfs.ts PROGRAM FILE
import { readFileSync, writeFileSync } from 'node:fs';

const [program = '', file = ''] = process.argv.slice(2);
const [regular, directory, device] = [0o100000, 0o040000, 0o020000];

function entry(name: string, mode: number, content: Buffer = Buffer.alloc(0), [major, minor]: readonly [number, number] = [0, 0]): Buffer {
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length + 1, 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(head)), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

writeFileSync(
  file,
  Buffer.concat([
    entry('dev', directory | 0o755),
    entry('dev/console', device | 0o600, Buffer.alloc(0), [5, 1]),
    entry('init', regular | 0o755, readFileSync(program)),
    entry('TRAILER!!!', 0),
  ]),
);

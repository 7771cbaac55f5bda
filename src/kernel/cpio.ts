/** A file of an initramfs. `mode` has the type of the file too, as stat(2) says it. */
export interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly content?: Buffer;
  /** Of a device. */
  readonly device?: readonly [major: number, minor: number];
}

/** An archive that a kernel unpacks as its first root, also behind another. (Documentation/driver-api/early-userspace/buffer-format.rst) */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  return Buffer.concat([...entries, { name: 'TRAILER!!!', mode: 0 }].map(writeEntry));
}

function writeEntry({ name, mode, content = Buffer.alloc(0), device: [major, minor] = [0, 0] }: CpioEntry): Buffer {
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length + 1, 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(head)), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

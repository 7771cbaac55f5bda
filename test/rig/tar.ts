/** What one entry of an archive says, truly or not. */
export interface TarEntry {
  readonly path: string;
  /** As in tar's type flag; absent: '5' for a path that ends in a slash, '2' with a target, else '0'. */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  /** Records of an extended header. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
}

/** A tar archive with exactly these entries. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1024)]);
}

function blocksOf(entry: TarEntry): Buffer[] {
  const { path, content = '', target = '', pax } = entry;
  const type = entry.type ?? (path.endsWith('/') ? '5' : target === '' ? '0' : '2');
  const data = Buffer.from(content);
  const long = {
    ...(Buffer.byteLength(path) > 100 ? { path } : {}),
    ...(Buffer.byteLength(target) > 100 ? { linkpath: target } : {}),
    ...pax,
  };
  const extended = Object.keys(long).length === 0 ? [] : [header('pax', 'x', paxRecords(long), {}), padded(paxRecords(long))];
  return [...extended, header(path, type, data, entry), padded(data)];
}

function header(path: string, type: string, data: Buffer, { target = '', mode, uid = 0, gid = 0, mtime = 0 }: Partial<TarEntry>): Buffer {
  const block = Buffer.alloc(512);
  block.write(path.slice(0, 100), 0);
  const octal = (value: number, at: number, digits: number): void => void block.write(value.toString(8).padStart(digits, '0'), at);
  octal(mode ?? (type === '5' ? 0o755 : 0o644), 100, 7);
  octal(Math.min(uid, 0o7777777), 108, 7);
  octal(Math.min(gid, 0o7777777), 116, 7);
  octal(data.length, 124, 11);
  octal(mtime, 136, 11);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(target.slice(0, 100), 157);
  block.write('ustar\x0000', 257);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, Buffer.from(value))));
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

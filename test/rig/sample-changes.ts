import type { Change, FileState } from '../../src/changes/change.ts';

/** 2026-01-02T03:04:05.123456789Z */
export const sampleTime = 1_767_323_045_123_456_789n;

export function fileState(parts: Partial<FileState> = {}): FileState {
  return {
    kind: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 100,
    modifiedNs: sampleTime,
    device: { major: 0, minor: 0 },
    inode: 7n,
    links: 1,
    target: null,
    ...parts,
  };
}

export const directoryState = (parts: Partial<FileState> = {}): FileState =>
  fileState({ kind: 'directory', mode: 0o755, sizeBytes: 4096, ...parts });

export const added = (path: string, parts: Partial<FileState> = {}): Change => change(path, ['added'], null, fileState(parts));
export const deleted = (path: string, parts: Partial<FileState> = {}): Change => change(path, ['deleted'], fileState(parts), null);

export function change(
  path: string,
  kinds: Change['kinds'],
  before: FileState | null,
  after: FileState | null,
  rest: Partial<Pick<Change, 'attributes' | 'movedFrom'>> = {},
): Change {
  return { path, kinds, before, after, attributes: [], ...rest };
}

export const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** `cap_net_raw=ep` */
export const rawCapability = bytes(1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** `user::rw-`, and more entries with the permissions to read. */
export function acl(...entries: readonly (readonly [tag: number, id: number])[]): Uint8Array {
  const words = [[1, 6, 0xffff_ffff] as const, ...entries.map(([tag, id]) => [tag, 4, id] as const)];
  const view = new DataView(new ArrayBuffer(4 + 8 * words.length));
  view.setUint32(0, 2, true);
  for (const [index, [tag, permissions, id]] of words.entries()) {
    view.setUint16(4 + 8 * index, tag, true);
    view.setUint16(6 + 8 * index, permissions, true);
    view.setUint32(8 + 8 * index, id, true);
  }
  return new Uint8Array(view.buffer);
}

export async function joinAll(parts: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const part of parts) text += part;
  return text;
}

const many = Array.from({ length: 12 }, (_, index) =>
  added(`usr/share/doc/nginx/example-${String(index).padStart(2, '0')}.conf`, { sizeBytes: 1000 + index }),
);

/** Every kind of change, in the order of a walk. */
export const sampleChanges: readonly Change[] = [
  change('.', ['mode'], directoryState(), directoryState({ mode: 0o777 })),
  deleted('dev/null', { kind: 'character-device', mode: 0o666, sizeBytes: 0, device: { major: 1, minor: 3 } }),
  added('dev/sda', { kind: 'block-device', mode: 0o660, sizeBytes: 0, gid: 6, device: { major: 8, minor: 0 } }),
  change(
    'dev/tty',
    ['content'],
    fileState({ kind: 'character-device', device: { major: 5, minor: 0 } }),
    fileState({ kind: 'character-device', device: { major: 5, minor: 1 } }),
  ),
  change('etc/acl.conf', ['acl'], fileState(), fileState(), {
    attributes: [{ name: 'system.posix_acl_access', before: acl([4, 0]), after: acl([2, 1000], [4, 0]) }],
  }),
  added('etc/caf\xc3\xa9', { sizeBytes: 1 }),
  change('etc/group', ['owner', 'group'], fileState({ uid: 0, gid: 0 }), fileState({ uid: 1000, gid: null })),
  added('etc/latin-\xe9'),
  change(
    'etc/localtime',
    ['content'],
    fileState({ kind: 'link', mode: 0o777, target: '/usr/share/zoneinfo/UTC' }),
    fileState({ kind: 'link', mode: 0o777, target: '../usr/share/zoneinfo/Europe/Vienna' }),
  ),
  deleted('etc/motd'),
  change('etc/nginx', ['added', 'deleted'], directoryState(), directoryState(), { movedFrom: 'etc/nginx.new' }),
  change('etc/nginx/nginx.conf', ['mode'], fileState(), fileState({ mode: 0o600 }), { movedFrom: 'etc/nginx.new/nginx.conf' }),
  added('etc/new\nline <b>&amp;"quoted"\x1b[31m'),
  change('etc/passwd', ['content'], fileState({ sizeBytes: 1024 }), fileState({ sizeBytes: 1100 })),
  change('etc/ssl/key.pem', ['added', 'deleted', 'mode'], fileState({ mode: 0o600 }), fileState({ mode: 0o644 }), {
    movedFrom: 'etc/ssl/private/key.pem',
  }),
  change('home/config', ['type'], directoryState({ mode: 0o755 }), fileState({ kind: 'link', mode: 0o777, target: '/etc/shadow' })),
  deleted('home/config/settings.toml', { uid: 1000, gid: 1000 }),
  added('run/control', { kind: 'pipe', sizeBytes: 0 }),
  added('run/socket', { kind: 'socket', mode: 0o755, sizeBytes: 0 }),
  change('usr/bin/ping', ['attributes'], fileState({ mode: 0o755 }), fileState({ mode: 0o755 }), {
    attributes: [
      { name: 'security.capability', before: null, after: rawCapability },
      { name: 'user.note', before: bytes(97), after: bytes(98) },
    ],
  }),
  change(
    'usr/bin/sh',
    ['content', 'mode'],
    fileState({ mode: 0o755, sizeBytes: 125_000 }),
    fileState({ mode: 0o4755, sizeBytes: 1_300_000 }),
  ),
  added('usr/local/bin/helper', { mode: 0o4755, sizeBytes: 16_000 }),
  added('usr/share/doc/nginx', { kind: 'directory', mode: 0o755, sizeBytes: 4096 }),
  ...many,
];

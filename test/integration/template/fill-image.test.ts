import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';

import { causesOf, IsolateError } from '../../../src/error.ts';
import type { FillOptions } from '../../../src/template/fill/fill.ts';
import { fillDirectory } from '../../rig/filling.ts';
import { archiveOf, digestOf, dockerFiles, type Files, layoutFiles, type LayerParts, writeArchive, writeFiles } from '../../rig/images.ts';
import { tarOf } from '../../rig/tar.ts';

const base = tarOf([
  { path: 'usr/' },
  { path: 'usr/bin/' },
  { path: 'usr/bin/sh', content: 'shell', mode: 0o4755, uid: 1, gid: 65_535 },
  { path: 'etc/old', content: 'x' },
]);
const upper = tarOf([{ path: 'etc/.wh.old' }, { path: 'etc/new', type: '1', target: 'usr/bin/sh' }, { path: 'null', type: '3' }]);
const layers: readonly LayerParts[] = [{ tar: base }, { tar: upper }];
const config = { Entrypoint: ['/entry'], Cmd: ['serve'], Env: ['A=b'], WorkingDir: '/srv', User: '1000', StopSignal: 'SIGINT' };
const filled = ['./etc/new 1:65535 4755 2', './usr/bin/sh 1:65535 4755 2'];
const filledDefaults = { entrypoint: ['/entry'], command: ['serve'], environment: { A: 'b' }, workingDirectory: '/srv', user: '1000' };

function list(root: string): string[] {
  const lines = execFileSync(
    'find',
    ['.', '-path', './.isolate', '-prune', '-o', '!', '-type', 'd', '-printf', String.raw`%p %U:%G %m %n\n`],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  return lines.trimEnd().split('\n').toSorted();
}

async function fill(from: string, options: Partial<FillOptions> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'filled-'));
  const { record, left } = await fillDirectory(root, from, options);
  return { defaults: record.defaults, devices: left.devices, files: list(root) };
}

/** What a user reads of the failure. */
async function failure(from: string, options: Partial<FillOptions> = {}): Promise<string> {
  const error: unknown = await fill(from, options).then(
    () => 'it was filled',
    (reason: unknown) => reason,
  );
  if (!(error instanceof IsolateError)) throw error;
  return [`${error.code}: ${error.message}`, ...causesOf(error)]
    .join(' | ')
    .replaceAll(/\/[^ ]*\/image-[A-Za-z0-9]*/g, 'IMAGE')
    .replaceAll(/[0-9a-f]{64}/g, 'HEX');
}

const expected = { defaults: filledDefaults, devices: 1, files: filled };

describe('an image', () => {
  const zstd = (tar: Buffer): Buffer => execFileSync('zstd', ['-c'], { input: tar });

  it.each<[string, () => readonly LayerParts[]]>([
    ['gzip', () => layers],
    ['zstd', () => layers.map(({ tar }) => ({ tar, blob: zstd(tar), mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }))],
    ['nothing', () => layers.map(({ tar }) => ({ tar, blob: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar' }))],
  ])('whose layers are compressed by %s comes in from a layout in a directory', async (_title, parts) => {
    expect(await fill(`oci:${writeFiles(layoutFiles(parts(), config))}`)).toEqual(expected);
  });

  it('comes in from a layout in an archive, however its files are named and whatever compresses it', async () => {
    const files = layoutFiles(layers, config);
    const dotted: Files = new Map([...files].map(([path, content]) => [`./${path}`, content]));
    expect(await fill(`oci-archive:${writeArchive(archiveOf(files))}`)).toEqual(expected);
    expect(await fill(`oci-archive:${writeArchive(archiveOf(dotted))}`)).toEqual(expected);
    expect(await fill(`oci-archive:${writeArchive(gzipSync(archiveOf(files)))}`)).toEqual(expected);
  });

  it('comes in from docker save, with its name or without, and with layers that are links as Docker once wrote them', async () => {
    const files = dockerFiles([base, upper], config);
    expect(await fill(`docker-archive:${writeArchive(archiveOf(files))}`)).toEqual(expected);
    expect(await fill(`docker-archive:${writeArchive(archiveOf(files))}:made:here`)).toEqual(expected);
    const [first = ''] = files.keys();
    const linked = tarOf([
      ...[...files].map(([path, content]) => ({ path: path === first ? 'shared/layer.tar' : path, content })),
      { path: first, target: '../shared/layer.tar' },
    ]);
    expect(await fill(`docker-archive:${writeArchive(linked)}`)).toEqual(expected);
  });

  it('tells how much of it has been read', async () => {
    const seen: unknown[] = [];
    const files = layoutFiles(layers);
    await fill(`oci:${writeFiles(files)}`, { onProgress: (progress) => seen.push(progress) });
    const total = [...files].filter(([, content]) => content[0] === 0x1f).reduce((sum, [, content]) => sum + content.length, 0);
    expect(seen[0]).toEqual({ bytes: expect.any(Number), total });
  });
});

describe('a damaged image is refused:', () => {
  /** The layout with one blob changed, by the first byte that tells the blobs of layers from the others. */
  function changed(change: (blob: Buffer) => Buffer, parts = layers): string {
    const files = layoutFiles(parts);
    const [path, content] = [...files].find(([, each]) => each[0] !== 0x7b)!;
    return writeFiles(files.set(path, change(content)));
  }

  it.each<[string, (blob: Buffer) => Buffer]>([
    ['a layer with another byte', (blob) => Buffer.concat([blob.subarray(0, 20), Buffer.from([(blob[20] ?? 0) ^ 1]), blob.subarray(21)])],
    ['a layer with a byte more', (blob) => Buffer.concat([blob, Buffer.from('x')])],
    ['half a layer', (blob) => blob.subarray(0, blob.length / 2)],
    ['an empty layer', () => Buffer.alloc(0)],
    ['another layer', () => gzipSync(upper)],
    ['a layer without its last blocks', () => gzipSync(base.subarray(0, -512))],
  ])('%s', async (_title, change) => {
    expect(await failure(`oci:${changed(change)}`)).toBe(
      'bad-source: blobs/sha256/HEX of IMAGE is damaged: its content has another digest.',
    );
  });

  it('a layer that the configuration does not mean', async () => {
    const swapped = layoutFiles(layers, {}, [digestOf(upper), digestOf(upper)]);
    expect(await failure(`oci:${writeFiles(swapped)}`)).toBe(
      "bad-source: blobs/sha256/HEX of IMAGE is not the layer of the image's configuration: its content does not have the digest sha256:HEX.",
    );
    const docker = dockerFiles([base, upper]);
    docker.set('0/layer.tar', tarOf([{ path: 'usr/' }]));
    expect(await failure(`docker-archive:${writeArchive(archiveOf(docker))}`)).toBe(
      "bad-source: 0/layer.tar of IMAGE/image.tar is not the layer of the image's configuration: its content does not have the digest sha256:HEX.",
    );
  });

  it.each<[string, Buffer, string]>([
    [
      'no archive',
      Buffer.from('x'.repeat(3000)),
      'bad-source: blobs/sha256/HEX of IMAGE cannot be unpacked. | this is no tar archive, or it is damaged',
    ],
    [
      'half an archive',
      base.subarray(0, 512 * 5 + 100),
      'bad-source: blobs/sha256/HEX of IMAGE cannot be unpacked. | the archive ends in the middle of an entry',
    ],
    [
      'a name that leads out',
      tarOf([{ path: '../x' }]),
      "bad-source: blobs/sha256/HEX of IMAGE cannot be unpacked. | ../x: the name leads out of the root with '..', or is too long",
    ],
    [
      'an owner that no sandbox has',
      tarOf([{ path: 'x', uid: 65_536 }]),
      'bad-source: blobs/sha256/HEX of IMAGE cannot be unpacked. | x: its owner is none of the 65536 ids of a sandbox',
    ],
  ])('a layer that has %s and the right digests', async (_title, tar, message) => {
    expect(await failure(`oci:${writeFiles(layoutFiles([{ tar }]))}`)).toBe(message);
  });

  it('compressed bytes that are none', async () => {
    const blob = Buffer.concat([gzipSync(base).subarray(0, 100), Buffer.alloc(100)]);
    expect(await failure(`oci:${writeFiles(layoutFiles([{ tar: base, blob }]))}`)).toMatch(
      /^bad-source: blobs\/sha256\/HEX of IMAGE cannot be (?:uncompressed: gzip: stdin: |unpacked\.)/,
    );
  });

  it('no root in it, and no layers', async () => {
    expect(await failure(`oci:${writeFiles(layoutFiles([{ tar: tarOf([{ path: 'x' }]) }]))}`)).toMatch(
      / is not a root: it has neither \/usr nor \/bin\.$/,
    );
    expect(await failure(`oci:${writeFiles(layoutFiles([]))}`)).toBe('bad-source: IMAGE has nothing in its layers.');
  });

  it('settings that no run can have', async () => {
    expect(await failure(`oci:${writeFiles(layoutFiles(layers, { User: '../x' }))}`)).toMatch(
      /^bad-source: The settings of IMAGE for runs cannot be used\. \| /,
    );
  });

  it('missing files, and archives that are none', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'image-'));
    expect(await failure(`oci:${directory}`)).toBe('bad-source: IMAGE has no oci-layout, so it is not a whole image.');
    expect(await failure(`oci:${directory}/none`)).toBe('bad-source: IMAGE/none cannot be read. | no such file or directory');
    expect(await failure(`oci-archive:${directory}/none`)).toBe('bad-source: IMAGE/none cannot be read. | no such file or directory');
    expect(await failure(`oci-archive:${directory}`)).toBe('bad-source: IMAGE is a directory.');
    expect(await failure(`oci:${writeArchive(base)}`)).toBe('bad-source: IMAGE/image.tar is not a directory.');
    symlinkSync('loop', join(directory, 'loop'));
    expect(await failure(`oci:${directory}/loop`)).toMatch(/^bad-source: IMAGE.loop cannot be read\. \| too many symbolic links/);
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    expect(await failure(`oci-archive:${directory}/pipe`)).toBe('bad-source: IMAGE/pipe is not a file.');
    expect(await failure(`oci-archive:${writeArchive(Buffer.from('x'.repeat(2000)))}`)).toBe(
      'bad-source: IMAGE/image.tar cannot be read as an archive: tar: This does not look like a tar archive.',
    );
    expect(await failure(`oci-archive:${writeArchive(tarOf([{ path: 'x' }]))}`)).toBe(
      'bad-source: IMAGE/image.tar has no oci-layout, so it is not a whole image.',
    );
    expect(await failure(`oci-archive:${writeArchive(archiveOf(layoutFiles(layers)).subarray(0, -3000))}`)).toMatch(
      /^bad-source: IMAGE\/image.tar (?:cannot be read as an archive: tar: Unexpected EOF in archive|has no )/,
    );
    expect(await failure(`oci-archive:${writeArchive(gzipSync(archiveOf(layoutFiles(layers))).subarray(0, 400))}`)).toBe(
      'bad-source: IMAGE/image.tar cannot be uncompressed: gzip: stdin: unexpected end of file.',
    );
  });
});

describe('a hostile image is harmless:', () => {
  it('links in a directory lead to no file of this host', async () => {
    const secret = join(mkdtempSync(join(tmpdir(), 'secret-')), 'secret');
    writeFileSync(secret, '{"secret":1}');
    const directory = writeFiles(layoutFiles(layers));
    rmSync(join(directory, 'index.json'));
    symlinkSync(secret, join(directory, 'index.json'));
    expect(await failure(`oci:${directory}`)).toBe('bad-source: IMAGE/index.json is a symbolic link.');
    rmSync(join(directory, 'index.json'));
    execFileSync('mkfifo', [join(directory, 'index.json')]);
    expect(await failure(`oci:${directory}`)).toBe('bad-source: IMAGE/index.json is not a regular file.');
    rmSync(join(directory, 'index.json'));
    mkdirSync(join(directory, 'index.json'));
    expect(await failure(`oci:${directory}`)).toBe('bad-source: IMAGE/index.json is not a regular file.');
  });

  it('links in an archive lead to files of the archive, or nowhere', async () => {
    const linked = (target: string): string =>
      writeArchive(
        tarOf([
          { path: 'manifest.json', target },
          { path: 'a', target: 'b' },
          { path: 'b', target: 'a' },
        ]),
      );
    expect(await failure(`docker-archive:${linked('/etc/passwd')}`)).toBe(
      'bad-source: IMAGE/image.tar has no etc/passwd, so it is not a whole image.',
    );
    expect(await failure(`docker-archive:${linked('a')}`)).toBe(
      'bad-source: manifest.json in IMAGE/image.tar is a link to a link to a link.',
    );
    const device = writeArchive(tarOf([{ path: 'manifest.json', type: '3' }]));
    expect(await failure(`docker-archive:${device}`)).toBe('bad-source: manifest.json in IMAGE/image.tar is not a regular file.');
  });

  it('a layer that unpacks to more than allowed ends, as do more files, and a compressed archive', async () => {
    const bomb = gzipSync(tarOf([{ path: 'usr/zeros', content: Buffer.alloc(64 * 2 ** 20) }]));
    const tar = execFileSync('gzip', ['-dc'], { input: bomb, maxBuffer: 2 ** 27 });
    expect(await failure(`oci:${writeFiles(layoutFiles([{ tar, blob: bomb }]))}`, { maxBytes: 10_000_000 })).toBe(
      'source-too-large: IMAGE unpacks to more than 10000000 bytes.',
    );
    const docker = gzipSync(archiveOf(dockerFiles([tar])));
    expect(await failure(`docker-archive:${writeArchive(docker)}`, { maxBytes: 10_000_000 })).toBe(
      'source-too-large: IMAGE/image.tar unpacks to more than 10000000 bytes.',
    );
  });

  it('a long manifest in an archive is not read to its end', async () => {
    const long = new Map([['manifest.json', Buffer.alloc(5 * 2 ** 20, ' ')]]);
    expect(await failure(`docker-archive:${writeArchive(archiveOf(long))}`)).toBe(
      'bad-source: manifest.json in IMAGE/image.tar is longer than 4194304 bytes.',
    );
  });

  it.each([
    ['that has no room for it', [{ path: 'usr/large', content: Buffer.alloc(2 ** 21) }], 'source-too-large'],
    // Each takes a page, though it has a byte.
    ['that becomes full', Array.from({ length: 400 }, (_, index) => ({ path: `usr/${index}`, content: 'x' })), 'pool-full'],
  ])('a file system %s is no defect of the image', async (_title, entries, code) => {
    const root = mkdtempSync(join(tmpdir(), 'small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root]);
    onTestFinished(() => void execFileSync('umount', [root]));
    const image = writeFiles(layoutFiles([{ tar: tarOf([{ path: 'usr/' }, ...entries]) }]));
    const error: unknown = await fillDirectory(root, `oci:${image}`, {}).catch((reason: unknown) => reason);
    expect((error as IsolateError).code).toBe(code);
  });

  it('nothing is left in the directory for scratch files', async () => {
    // That of the tests alone.
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/var/tmp']);
    onTestFinished(() => void execFileSync('umount', ['/var/tmp']));
    await fill(`oci-archive:${writeArchive(gzipSync(archiveOf(layoutFiles(layers))))}`);
    await failure(`oci-archive:${writeArchive(gzipSync(archiveOf(layoutFiles([]))))}`);
    await failure(`oci-archive:${writeArchive(gzipSync(archiveOf(layoutFiles(layers))).subarray(0, 400))}`);
    expect(readdirSync('/var/tmp')).toEqual([]);
  });
});

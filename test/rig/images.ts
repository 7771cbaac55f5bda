import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { platformOf } from '../../src/template/oci/platform.ts';
import { tarOf } from './tar.ts';

/** A file of an image: its content, and its path in an image layout. */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export type Files = Map<string, Buffer>;

/** The uncompressed layer, and what the image has of it. */
export interface LayerParts {
  readonly tar: Buffer;
  readonly blob?: Buffer;
  readonly mediaType?: string;
}

const { architecture } = platformOf(process.arch);

export function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** The files of an image layout of one image; its layers are compressed by gzip unless they say otherwise. */
export function layoutFiles(layers: readonly LayerParts[], config: unknown = {}, diffIds?: readonly string[]): Files {
  const files: Files = new Map();
  const add = (mediaType: string, content: Buffer): Blob => {
    files.set(`blobs/sha256/${digestOf(content).slice(7)}`, content);
    return { mediaType, digest: digestOf(content), size: content.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const rootfs = { type: 'layers', diff_ids: diffIds ?? layers.map(({ tar }) => digestOf(tar)) };
  const manifest = add(
    'application/vnd.oci.image.manifest.v1+json',
    json({
      schemaVersion: 2,
      config: add('application/vnd.oci.image.config.v1+json', json({ architecture, os: 'linux', config, rootfs })),
      layers: layers.map(({ tar, blob = gzipSync(tar), mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip' }) =>
        add(mediaType, blob),
      ),
    }),
  );
  files.set('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  files.set('index.json', json({ schemaVersion: 2, manifests: [manifest] }));
  return files;
}

/** A new directory with these files. */
export function writeFiles(files: ReadonlyMap<string, Buffer>): string {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  for (const [path, content] of files) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** A new archive with these bytes. */
export function writeArchive(content: Buffer): string {
  const file = join(mkdtempSync(join(tmpdir(), 'image-')), 'image.tar');
  writeFileSync(file, content);
  return file;
}

export function archiveOf(files: ReadonlyMap<string, Buffer>): Buffer {
  return tarOf([...files].map(([path, content]) => ({ path, content })));
}

/** What `docker save` writes of an image of these uncompressed layers. */
export function dockerFiles(layers: readonly Buffer[], config: unknown = {}, names: readonly string[] = ['made:here']): Files {
  const settings = Buffer.from(
    JSON.stringify({ architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids: layers.map(digestOf) } }),
  );
  const manifest = [{ Config: 'config.json', RepoTags: names, Layers: layers.map((_, index) => `${index}/layer.tar`) }];
  return new Map([
    ...layers.map((layer, index): [string, Buffer] => [`${index}/layer.tar`, layer]),
    ['config.json', settings],
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
  ]);
}

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { IsolateError } from '../../../../src/error.ts';
import type { ImageFiles } from '../../../../src/template/oci/image-files.ts';

/** Files of an image that are nowhere but here, by path. */
export type MemoryFiles = Map<string, Buffer>;

export function filesInMemory(files: ReadonlyMap<string, Uint8Array>): ImageFiles {
  const find = (path: string): Buffer => {
    const content = files.get(path);
    if (content === undefined) throw new IsolateError('bad-source', `There is no ${path}.`);
    return Buffer.from(content);
  };
  return {
    name: 'the image',
    read: async (path, most) => {
      const content = find(path);
      if (content.length > most) throw new IsolateError('bad-source', `${path} is too long.`);
      return content;
    },
    open: async (path) => Readable.from([find(path)]),
  };
}

export interface Reference {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [key: string]: unknown;
}

/** Adds content to a layout, and returns what refers to it. */
export function addBlob(files: MemoryFiles, mediaType: string, content: unknown, algorithm: 'sha256' | 'sha512' = 'sha256'): Reference {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const hex = createHash(algorithm).update(bytes).digest('hex');
  files.set(`blobs/${algorithm}/${hex}`, bytes);
  return { mediaType, digest: `${algorithm}:${hex}`, size: bytes.length };
}

export const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export interface ImageParts {
  readonly config?: unknown;
  readonly architecture?: string;
  readonly layers?: readonly Buffer[];
  readonly change?: (manifest: Record<string, unknown>) => unknown;
}

/** Adds an image of uncompressed layers. */
export function addImage(files: MemoryFiles, { config = {}, architecture = 'amd64', layers = [], change }: ImageParts = {}): Reference {
  const added = layers.map((layer) => addBlob(files, types.layer, layer));
  const settings = { architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids: added.map(({ digest }) => digest) } };
  const manifest = { schemaVersion: 2, mediaType: types.manifest, config: addBlob(files, types.config, settings), layers: added };
  return addBlob(files, types.manifest, change === undefined ? manifest : change(manifest));
}

/** A layout with these images in its index. */
export function layoutOf(files: MemoryFiles, images: readonly unknown[]): MemoryFiles {
  files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: images })));
  return files;
}

export function named(reference: Reference, name: string): Reference {
  return { ...reference, annotations: { 'org.opencontainers.image.ref.name': name } };
}

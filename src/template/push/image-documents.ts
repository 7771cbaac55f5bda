import type { TemplateDefaults } from '../../spec/template-record.ts';
import { type Digest, printDigest } from '../oci/digest.ts';
import type { Platform } from '../oci/platform.ts';

/** A file of an image, as a descriptor says it (image-spec, descriptor.md). */
export interface Blob {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** How the layer of an image is compressed. */
export type LayerCompression = 'gzip' | 'zstd';

export const layerTypes: Readonly<Record<LayerCompression, string>> = {
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};
export const configType = 'application/vnd.oci.image.config.v1+json';
export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
/** Of an image in an index. */
export const nameAnnotation = 'org.opencontainers.image.ref.name';

export interface ImageFacts {
  /** Milliseconds since 1970; null: unknown. */
  readonly createdMs: number | null;
  readonly defaults: TemplateDefaults;
  readonly platform: Platform;
  /** Of the uncompressed layer. */
  readonly diffId: Digest;
}

/** The configuration of an image (image-spec, config.md). The same facts always give the same bytes. */
export function printImageConfig({ createdMs, defaults, platform, diffId }: ImageFacts): Buffer {
  const { entrypoint, command, environment, workingDirectory, user } = defaults;
  const created = createdMs === null ? {} : { created: new Date(createdMs).toISOString() };
  return print({
    ...created,
    architecture: platform.architecture,
    os: platform.os,
    config: {
      ...(user === undefined ? {} : { User: user }),
      ...(environment === undefined ? {} : { Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`) }),
      ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
      ...(command === undefined ? {} : { Cmd: command }),
      ...(workingDirectory === undefined ? {} : { WorkingDir: workingDirectory }),
    },
    rootfs: { type: 'layers', diff_ids: [printDigest(diffId)] },
    history: [{ ...created, created_by: 'isolate template push' }],
  });
}

/** The manifest of an image of one layer (image-spec, manifest.md). */
export function printManifest(config: Blob, layer: Blob): Buffer {
  return print({ schemaVersion: 2, mediaType: manifestType, config: describe(config), layers: [describe(layer)] });
}

/** What an index says of an image; `name` is the image's there. */
export function describeImage(manifest: Blob, platform: Platform, name: string | null): object {
  return {
    ...describe(manifest),
    platform: { architecture: platform.architecture, os: platform.os },
    ...(name === null ? {} : { annotations: { [nameAnnotation]: name } }),
  };
}

/** An index of images (image-spec, image-index.md). */
export function printIndex(images: readonly unknown[]): Buffer {
  return print({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: images });
}

export function printLayoutVersion(): Buffer {
  return print({ imageLayoutVersion: '1.0.0' });
}

function describe({ mediaType, digest, size }: Blob): object {
  return { mediaType, digest: printDigest(digest), size };
}

function print(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}

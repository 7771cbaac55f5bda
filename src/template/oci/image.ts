import type { TemplateDefaults } from '../../spec/template-record.ts';
import type { Descriptor } from './descriptor.ts';
import { blobPath, type Digest, printDigest, startHash } from './digest.ts';
import { parseImageConfig } from './config.ts';
import { chooseDockerImage, parseDockerManifest } from './docker-manifest.ts';
import type { ImageFiles } from './image-files.ts';
import { chooseImage, type ImageChoice, isIndex, parseIndex } from './index-file.ts';
import { bad, fieldsOf, longestJson, parseJson } from './json.ts';
import { parseManifest } from './manifest.ts';

/** One layer of an image. */
export interface Layer {
  /** Among the image's files. */
  readonly path: string;
  /** Of the file as it is; null: only the uncompressed content has one. */
  readonly blob: { readonly digest: Digest; readonly size: number } | null;
  /** Of the uncompressed content. */
  readonly diffId: Digest;
}

/** An image whose files but the layers have been read and found right. */
export interface Image {
  /** Of the manifest, or of the configuration if there is none. */
  readonly digest: string;
  readonly defaults: TemplateDefaults;
  readonly unused: readonly string[];
  readonly layers: readonly Layer[];
}

const deepestIndex = 4;

/** Reads an image layout (image-spec, image-layout.md). Throws `bad-source`. */
export async function readLayout(files: ImageFiles, choice: ImageChoice): Promise<Image> {
  const layout = fieldsOf(
    parseJson(await files.read('oci-layout', longestJson), `oci-layout of ${files.name}`),
    `oci-layout of ${files.name}`,
  );
  if (layout['imageLayoutVersion'] !== '1.0.0') throw bad(`${files.name} is no image layout of version 1.0.0.`);
  const words = { what: files.name, form: `${files.name}:NAME` };
  let found = chooseImage(parseIndex(await files.read('index.json', longestJson), `index.json of ${files.name}`), choice, words);
  // What has a digest cannot contain itself; it can be long.
  for (let depth = 0; isIndex(found); depth += 1) {
    if (depth === deepestIndex) throw bad(`${files.name} has an index within an index more than ${deepestIndex} times.`);
    const bytes = await readBlob(files, found);
    found = chooseImage(parseIndex(bytes, nameBlob(files, found)), { ...choice, name: null }, words);
  }
  const manifest = parseManifest(await readBlob(files, found), nameBlob(files, found));
  const bytes = await readBlob(files, manifest.config);
  const { defaults, unused, diffIds } = parseImageConfig(bytes, nameBlob(files, manifest.config), choice.platform);
  const layers = manifest.layers.map(({ digest, size }) => ({ path: blobPath(digest), blob: { digest, size } }));
  return { digest: printDigest(found.digest), defaults, unused, layers: pair(layers, diffIds, files.name) };
}

/** Reads what `docker save` writes. `name` is the image's; null: the only one. Throws `bad-source`. */
export async function readDockerArchive(files: ImageFiles, { name, platform }: ImageChoice): Promise<Image> {
  const images = parseDockerManifest(await files.read('manifest.json', longestJson), `manifest.json of ${files.name}`);
  const image = chooseDockerImage(images, name, files.name);
  const bytes = await files.read(image.config, longestJson);
  const { defaults, unused, diffIds } = parseImageConfig(bytes, `${image.config} of ${files.name}`, platform);
  const layers = image.layers.map((path) => ({ path, blob: null }));
  return {
    digest: `sha256:${startHash('sha256').update(bytes).digest('hex')}`,
    defaults,
    unused,
    layers: pair(layers, diffIds, files.name),
  };
}

function pair(layers: readonly Omit<Layer, 'diffId'>[], diffIds: readonly Digest[], name: string): readonly Layer[] {
  if (layers.length !== diffIds.length) {
    throw bad(`${name} has ${layers.length} layers, and its configuration has ${diffIds.length}.`);
  }
  return layers.flatMap((layer, index) => {
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ ...layer, diffId }];
  });
}

async function readBlob(files: ImageFiles, descriptor: Descriptor): Promise<Buffer> {
  const name = nameBlob(files, descriptor);
  if (descriptor.size > longestJson) throw bad(`${name} is longer than ${longestJson} bytes.`);
  const bytes = await files.read(blobPath(descriptor.digest), longestJson);
  if (bytes.length !== descriptor.size) throw bad(`${name} has ${bytes.length} bytes instead of ${descriptor.size}.`);
  if (startHash(descriptor.digest.algorithm).update(bytes).digest('hex') !== descriptor.digest.hex) {
    throw bad(`${name} is damaged: its content has another digest.`);
  }
  return bytes;
}

function nameBlob(files: ImageFiles, { digest }: Descriptor): string {
  return `${blobPath(digest)} of ${files.name}`;
}

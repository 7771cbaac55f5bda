import { type Descriptor, parseDescriptor } from './descriptor.ts';
import { bad, fieldsOf, lineOf, listOf, parseJson } from './json.ts';

/** The parts of an image (image-spec, manifest.md). */
export interface Manifest {
  readonly config: Descriptor;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
}

const manifestTypes: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const configTypes: readonly (string | null)[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
/** How a layer is compressed is seen from its first bytes. */
const layerType =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar|docker\.image\.rootfs\.diff\.tar)(?:[.+](?:gzip|zstd|bzip2|xz))?$|^application\/vnd\.docker\.image\.rootfs\.diff\.tar$/;
const foreignLayerType = /nondistributable|\.foreign\./;

/** Docker allows 127. */
export const mostLayers = 500;

/** `what` is the file in errors. Throws `bad-source`. */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  const { schemaVersion, mediaType, config, layers } = fieldsOf(parseJson(bytes, what), what);
  if (schemaVersion !== 2) throw bad(`${what} is no manifest of version 2.`);
  const type = lineOf(mediaType, `The media type of ${what}`);
  if (type !== null && !manifestTypes.includes(type)) throw bad(`${what} says that it is a ${type}, which is no manifest of an image.`);
  const configuration = parseDescriptor(config, `The configuration in ${what}`);
  if (!configTypes.includes(configuration.mediaType)) {
    throw bad(`${what} describes no image of a container: its configuration is a ${configuration.mediaType ?? 'file of no type'}.`);
  }
  return {
    config: configuration,
    layers: listOf(layers, `The list of layers in ${what}`, mostLayers).map((each, index) =>
      parseLayer(each, `Layer ${index + 1} in ${what}`),
    ),
  };
}

function parseLayer(value: unknown, what: string): Descriptor {
  const layer = parseDescriptor(value, what);
  const type = layer.mediaType ?? '';
  if (layer.foreign || foreignLayerType.test(type)) throw bad(`${what} is not part of the image: it is to be fetched from somewhere else.`);
  if (!layerType.test(type)) throw bad(`${what} is a ${type === '' ? 'file of no type' : type}, which is no layer of a root.`);
  return layer;
}

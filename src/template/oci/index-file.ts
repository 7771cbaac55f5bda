import { IsolateError } from '../../error.ts';
import { type Descriptor, parseDescriptor } from './descriptor.ts';
import { printDigest } from './digest.ts';
import { bad, fieldsOf, lineOf, listOf, parseJson } from './json.ts';
import { isSamePlatform, type Platform, printPlatform } from './platform.ts';

const indexTypes: readonly (string | null)[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const mostImages = 1000;

/** Whether a reference leads to another index. */
export function isIndex({ mediaType }: Descriptor): boolean {
  return indexTypes.includes(mediaType);
}

/** The images in an index (image-spec, image-index.md). `what` is the file in errors. Throws `bad-source`. */
export function parseIndex(bytes: Uint8Array, what: string): readonly Descriptor[] {
  const { schemaVersion, mediaType, manifests } = fieldsOf(parseJson(bytes, what), what);
  if (schemaVersion !== 2) throw bad(`${what} is no index of version 2.`);
  const type = lineOf(mediaType, `The media type of ${what}`);
  if (type !== null && !indexTypes.includes(type)) throw bad(`${what} says that it is a ${type}, which is no index.`);
  return listOf(manifests, `The list of images in ${what}`, mostImages).map((each, index) =>
    parseDescriptor(each, `Image ${index + 1} in ${what}`),
  );
}

export interface ImageChoice {
  /** null: the only one. */
  readonly name: string | null;
  readonly platform: Platform;
}

/** The image that was asked for; `what` is what was searched, `form` how to ask for another. Throws `bad-source`. */
export function chooseImage(images: readonly Descriptor[], { name, platform }: ImageChoice, { what, form }: ChoiceWords): Descriptor {
  const named = name === null ? images : images.filter(({ names }) => names.includes(name));
  if (named.length === 0) {
    throw new IsolateError(
      'bad-source',
      name === null ? `${what} has no image.` : `${what} has no image ${JSON.stringify(name)}.`,
      hintFor(images),
    );
  }
  // Descriptions of how an image was built stand in the same list, for a platform that is none.
  const fitting = named.filter((image) => image.platform === null || isSamePlatform(image.platform, platform));
  const [first, ...others] = fitting;
  if (first === undefined) {
    const there = [...new Set(named.map((image) => (image.platform === null ? '' : printPlatform(image.platform))))];
    throw bad(`${what} has no image for ${printPlatform(platform)}, only for ${there.slice(0, 10).join(', ')}.`);
  }
  // Within one image the first that fits is the one; images of other names are others.
  const ambiguous = others.some((image) => printDigest(image.digest) !== printDigest(first.digest) && isOtherImage(first, image));
  if (!ambiguous) return first;
  throw new IsolateError('bad-source', `${what} has several images.`, { hint: `name one of them: ${form}, with ${listNames(fitting)}` });
}

export interface ChoiceWords {
  readonly what: string;
  readonly form: string;
}

function isOtherImage(one: Descriptor, other: Descriptor): boolean {
  return one.platform === null || other.platform === null || one.names.join('\n') !== other.names.join('\n');
}

function hintFor(images: readonly Descriptor[]): { readonly hint?: string } {
  const names = listNames(images);
  return names === '' ? {} : { hint: `its images: ${names}` };
}

function listNames(images: readonly Descriptor[]): string {
  const names = [...new Set(images.flatMap((image) => image.names))];
  return names.length > 10 ? `${names.slice(0, 10).join(', ')} and ${names.length - 10} more` : names.join(', ');
}

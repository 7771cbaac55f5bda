import { type Digest, parseDigest } from './digest.ts';
import { bad, type Fields, fieldsOf, lineOf, listOf } from './json.ts';
import type { Platform } from './platform.ts';

/** A reference from one file of an image to another (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string | null;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly platform: Platform | null;
  /** The names that an index gives to an image. */
  readonly names: readonly string[];
  /** The content is to be fetched from somewhere else. */
  readonly foreign: boolean;
}

const nameAnnotations = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'] as const;

/** `what` describes the reference in errors. Throws `bad-source`. */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size, platform, annotations, urls } = fieldsOf(value, what);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw bad(`${what} has no size.`);
  return {
    mediaType: lineOf(mediaType, `The media type of ${what}`),
    digest: parseDigest(digest, what),
    size,
    platform: platform === undefined || platform === null ? null : parsePlatform(fieldsOf(platform, `The platform of ${what}`), what),
    names: namesIn(annotations, what),
    foreign: listOf(urls, `The list of addresses of ${what}`, 100).length > 0,
  };
}

function parsePlatform({ os, architecture }: Fields, what: string): Platform {
  return {
    os: lineOf(os, `The operating system of ${what}`) ?? '',
    architecture: lineOf(architecture, `The architecture of ${what}`) ?? '',
  };
}

function namesIn(annotations: unknown, what: string): readonly string[] {
  if (annotations === undefined || annotations === null) return [];
  const all = fieldsOf(annotations, `The annotations of ${what}`);
  return nameAnnotations
    .map((key) => (Object.hasOwn(all, key) ? lineOf(all[key], `A name of ${what}`) : null))
    .filter((name) => name !== null);
}

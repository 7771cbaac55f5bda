import { resolve } from 'node:path';

import { IsolateError } from '../error.ts';
import { parseSize } from '../spec/parse-number.ts';
import type { CreateTemplate } from './create.ts';
import { parseSource } from './fill/source.ts';
import { newTemplate } from './find.ts';
import { parseLabel } from './label.ts';
import type { TemplatePlaces } from './places.ts';

/** A new template, as its user describes it. Only `from` is required. */
export interface CreateRequest {
  /** What it is made from; docs/templates.md lists the sources. */
  readonly from: string;
  /** Releases: the address of the archive; absent: the distribution's own. */
  readonly mirror?: string;
  /** Releases: in addition to those of the variant. */
  readonly packages?: readonly string[];
  /** Releases: which packages there are anyway; `minbase` unless given. */
  readonly variant?: string;
  /** Releases: a file with the keys of the archive. */
  readonly keyring?: string;
  /** Other sources: the most bytes that they may unpack to, or a size such as `2G`; absent: nine tenths of what is free. */
  readonly maxSize?: number | string;
  /** Of a snapshot of its first state. */
  readonly label?: string;
  /** Images of registries: also without TLS, and with certificates that nobody vouches for. */
  readonly insecure?: boolean;
}

type Settled = Omit<CreateTemplate, 'signal' | 'onStep' | 'onProgress'>;

/** Checks a request for a template of this name, dataset or directory. Throws `usage`, `bad-name`, `bad-source`, `not-permitted`. */
export function settleCreateRequest(template: string, request: CreateRequest, places: TemplatePlaces): Settled {
  const { from, label, maxSize, insecure = false } = request;
  const source = parseSource(from, places);
  const release = readRelease(request, places);
  const [stray] = Object.keys(release);
  if (stray !== undefined && source.kind !== 'distribution') {
    throw new IsolateError('usage', `--${stray} is only for releases of distributions, not for ${JSON.stringify(from)}.`);
  }
  if (maxSize !== undefined && source.kind === 'distribution') {
    throw new IsolateError('usage', `--max-size is only for sources that are unpacked, not for ${JSON.stringify(from)}.`);
  }
  if (insecure && !(source.kind === 'image' && source.format === 'docker')) throw notOfRegistry(from);
  return {
    ref: newTemplate(template, places),
    source,
    name: from,
    insecure,
    ...release,
    ...(label === undefined ? {} : { label: parseLabel(label) }),
    ...(maxSize === undefined ? {} : { maxBytes: parseSize('--max-size', maxSize) }),
  };
}

type Release = Pick<Settled, 'mirror' | 'packages' | 'variant' | 'keyring'>;

function readRelease({ mirror, packages, variant, keyring }: CreateRequest, { workingDirectory }: TemplatePlaces): Release {
  if (mirror !== undefined && !/^(?:https?|ftp|file|copy):\/*[^\s\p{Cc}]+$/u.test(mirror)) {
    throw new IsolateError('usage', `--mirror takes an address such as http://deb.debian.org/debian, not ${JSON.stringify(mirror)}.`);
  }
  if (variant !== undefined && !/^[a-z]+$/.test(variant)) {
    throw new IsolateError('usage', `--variant takes a name such as minbase, buildd or standard, not ${JSON.stringify(variant)}.`);
  }
  return {
    ...(mirror === undefined ? {} : { mirror }),
    ...(packages === undefined ? {} : { packages: packages.map(readPackage) }),
    ...(variant === undefined ? {} : { variant }),
    ...(keyring === undefined ? {} : { keyring: resolve(workingDirectory, keyring) }),
  };
}

/** As Debian's policy has them, with an architecture. */
function readPackage(name: string): string {
  if (/^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?$/.test(name)) return name;
  throw new IsolateError('usage', `--packages takes names of packages with commas between them; ${JSON.stringify(name)} is none.`);
}

/** The error of `--insecure` with something else than an image of a registry. */
export function notOfRegistry(given: string): IsolateError {
  return new IsolateError('usage', `--insecure is only for images of registries, not for ${JSON.stringify(given)}.`);
}

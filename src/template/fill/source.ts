import { IsolateError } from '../../error.ts';
import { expandHome, type PathBase } from '../path-base.ts';

/** What a template is made from. A `path` is a directory or an archive; which one, a look at it shows. */
export type TemplateSource =
  | { readonly kind: 'distribution'; readonly distribution: 'debian' | 'ubuntu'; readonly suite: string }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'archive'; readonly path: string }
  | { readonly kind: 'standard-input' }
  | { readonly kind: 'image'; readonly format: ImageFormat; readonly locator: string };

/** Images of containers: a layout in a directory, the same in a tar, what `docker save` writes, or a reference in a registry. */
export type ImageFormat = 'oci' | 'oci-archive' | 'docker-archive' | 'docker';

/** All that `--from` may begin with, for messages and completion. */
export const sourceForms: readonly string[] = [
  'debian:SUITE',
  'ubuntu:SUITE',
  'DIRECTORY',
  'TAR',
  '-',
  'oci:DIRECTORY',
  'oci-archive:FILE',
  'docker-archive:FILE',
  'docker://IMAGE',
];

/**
 * Reads the value of `--from`. Throws `usage`, or
 * `bad-name` for a suite that no release can have.
 */
export function parseSource(text: string, base: PathBase): TemplateSource {
  if (text === '-') return { kind: 'standard-input' };
  if (text === '' || text.includes('\0')) throw unknown(text);
  const [, scheme = '', rest = ''] = /^([a-z][a-z-]*):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case 'debian':
    case 'ubuntu':
      return { kind: 'distribution', distribution: scheme, suite: parseSuite(text, rest) };
    case 'dir':
      return { kind: 'directory', path: absolute(needed(text, rest), base) };
    case 'tar':
      return rest === '-' ? { kind: 'standard-input' } : { kind: 'archive', path: absolute(needed(text, rest), base) };
    case 'oci':
    case 'oci-archive':
    case 'docker-archive':
      return { kind: 'image', format: scheme, locator: absolute(needed(text, rest), base) };
    case 'docker':
      if (!rest.startsWith('//')) throw unknown(text, `did you mean docker://${rest}?`);
      return { kind: 'image', format: 'docker', locator: needed(text, rest.slice(2)) };
    case '':
      return parsePlain(text, base);
    default:
      throw unknown(text, `is it an image? docker://docker.io/library/${text}; else --from takes ${sourceForms.join(', ')}`);
  }
}

function parsePlain(text: string, base: PathBase): TemplateSource {
  if (text === 'debian' || text === 'ubuntu') throw unknown(text, `name a release too, as in ${examples[text]}`);
  return { kind: 'path', path: absolute(text, base) };
}

const examples = { debian: 'debian:trixie', ubuntu: 'ubuntu:noble' } as const;

function parseSuite(text: string, suite: string): string {
  if (/^[a-z0-9][a-z0-9.-]{0,63}$/.test(suite)) return suite;
  throw new IsolateError('bad-name', `${JSON.stringify(text)} does not name a release.`, {
    hint: `as in ${Object.values(examples).join(' or ')}`,
  });
}

function needed(text: string, rest: string): string {
  if (rest === '') throw unknown(text);
  return rest;
}

/** As the caller wrote it, from / on; what is behind a link is a matter of the system. */
function absolute(path: string, base: PathBase): string {
  const expanded = expandHome('usage', path, base);
  if (expanded.startsWith('/')) return expanded;
  return `${base.workingDirectory.replace(/\/$/, '')}/${path.replace(/^(?:\.\/+)+/, '')}`;
}

function unknown(text: string, hint = `--from takes ${sourceForms.join(', ')}`): IsolateError {
  return new IsolateError('usage', `A template cannot be made from ${JSON.stringify(text)}.`, { hint });
}

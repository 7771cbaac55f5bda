import { IsolateError } from '../../error.ts';

/** An image of a registry as the user wrote it. It becomes part of a word that skopeo takes apart. Throws `bad-source`. */
export function checkReference(reference: string): string {
  if (/^[A-Za-z0-9[][A-Za-z0-9._:/@[\]-]*$/.test(reference)) return reference;
  throw new IsolateError('bad-source', `docker://${reference} is no image of a registry.`, { hint: 'as in docker://debian:trixie' });
}

/** The registry of an image. Without one it is Docker's (containers-registries.conf(5)). */
export function registryOf(reference: string): string {
  const [first = '', ...others] = reference.split('/');
  return others.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

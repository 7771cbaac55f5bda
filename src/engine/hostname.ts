import type { RootSource } from '../spec/spec.ts';

/** The longest name sethostname(2) takes. */
const longest = 64;

/** A sandbox is named after its template: the last part of the dataset or directory, as far as a host name allows it. */
export function hostnameFor(root: RootSource): string {
  const path = root.kind === 'zfs' ? root.dataset : root.path;
  const last = path.split('/').findLast((part) => part !== '') ?? '';
  const name = last
    .replaceAll(/[^A-Za-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, longest)
    .replace(/[-.]+$/, '');
  return name === '' ? 'isolate' : name;
}

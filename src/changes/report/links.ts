import type { Change } from '../change.ts';

/** A link to /dev/null, or an empty file, in place of a unit. */
export function isMask({ after }: Change): boolean {
  return after?.kind === 'link' ? /^(?:\.\.\/)*\/?dev\/null$/.test(after.target ?? '') : after?.kind === 'file' && after.sizeBytes === 0;
}

/** A link to a certificate that came with the distribution, or to a neighbour. */
export function isUsualCertificateLink({ before, after }: Change): boolean {
  const state = after ?? before;
  return state?.kind === 'link' && /^(?:[^/]+|\/usr\/share\/ca-certificates\/(?!.*\.\.).+)$/.test(state.target ?? '');
}

/** A link of update-alternatives(1): the name of a program, or what it is for now. */
export function isAlternative({ path, before, after }: Change): boolean {
  const target = (after ?? before)?.target ?? '';
  return path.startsWith('etc/alternatives/') || target.startsWith('/etc/alternatives/');
}

export function isDirectoryAdded({ before, after }: Change): boolean {
  return before === null && after?.kind === 'directory';
}

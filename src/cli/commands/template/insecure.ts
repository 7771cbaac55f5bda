import { toJson } from '../../../json.ts';
import { notOfRegistry } from '../../../template/create-request.ts';
import { registryOf } from '../../../template/oci/reference.ts';
import { write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';

/**
 * Whether `--insecure` was given, which is said aloud. `reference` is the image of a registry; null: `given` is something else. Throws
 * `usage`.
 */
export function readInsecure({ flags }: ParsedArguments, reference: string | null, given: string): boolean {
  if (!flags.has('insecure')) return false;
  if (reference === null) throw notOfRegistry(given);
  const message = `Whether ${registryOf(reference)} is the right registry is not checked: --insecure.`;
  write(2, flags.has('json') ? `${toJson({ warning: message })}\n` : `isolate: warning: ${message}\n`);
  return true;
}

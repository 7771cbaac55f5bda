import { join } from 'node:path';

import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { findTool } from '../../host/tools.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { plainEnvironment, runAsCaller } from '../fill/filling.ts';
import { makeScratch } from './scratch.ts';

/** What skopeo needs of the caller: where accounts, certificates and proxies are. */
const variables =
  /^(?:HOME|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|REGISTRY_AUTH_FILE|DOCKER_CONFIG|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY)$/;

/**
 * Gets an image from a registry into a new directory in `scratch`, as a layout with one image. Returns its path, and what removes it.
 * Throws `missing-tool`, `bad-source` for a reference that is none, and `source-failed` with what skopeo said.
 */
export async function fetchImage(
  facts: Facts,
  reference: string,
  scratch: string,
  signal?: AbortSignal,
): Promise<{ readonly path: string; readonly remove: () => void }> {
  // It becomes part of a word that skopeo takes apart.
  if (!/^[A-Za-z0-9[][A-Za-z0-9._:/@[\]-]*$/.test(reference)) {
    throw new IsolateError('bad-source', `docker://${reference} is no image of a registry.`, { hint: 'as in docker://debian:trixie' });
  }
  if (findTool('skopeo', 'root', undefined) === null) {
    throw new IsolateError('missing-tool', 'skopeo, which fetches images, is not installed.', { hint: 'apt-get install skopeo' });
  }
  const { path: directory, remove } = makeScratch(scratch);
  try {
    const path = join(directory, 'image');
    await copy(facts, `docker://${reference}`, path, signal);
    return { path, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

async function copy(facts: Facts, from: string, path: string, signal: AbortSignal | undefined): Promise<void> {
  const said: string[] = [];
  const environment = Object.fromEntries(
    Object.entries(callerEnvironment()).filter((pair): pair is [string, string] => variables.test(pair[0]) && pair[1] !== undefined),
  );
  const status = await runAsCaller(facts, {
    command: ['skopeo', 'copy', '--quiet', from, `oci:${path}`],
    environment: { ...environment, ...plainEnvironment },
    onErrorLine: (line) => void said.push(line),
    ...(signal === undefined ? {} : { signal }),
  });
  if (status === 0) return;
  const last = said.findLast((line) => /level=(?:fatal|error)/.test(line)) ?? said.at(-1) ?? `it ended with status ${status}`;
  const [, message = last] = /msg="((?:[^"\\]|\\.)*)"/.exec(last) ?? [];
  throw new IsolateError('source-failed', `skopeo could not fetch ${from}.`, { cause: new Error(message.replaceAll(String.raw`\"`, '"')) });
}

import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { type ErrorCode, IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { findTool } from '../../host/tools.ts';
import { findWriterAbove } from '../../host/writers-above.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { plainEnvironment } from '../../process/command.ts';
import { type FillingRequest, runAsCaller } from '../fill/filling.ts';
import { chooseLimits, type UnpackLimits } from '../fill/unpack.ts';
import { noSpace, saysNoSpace } from '../no-space.ts';
import { printDigest, startHash } from './digest.ts';
import { longestJson } from './json.ts';
import { checkReference, registryOf } from './reference.ts';
import { makeScratch, scratchDirectory } from '../scratch-directory.ts';

/** What skopeo needs of the caller: where accounts, settings and certificates are, and proxies. */
const places = /^(?:HOME|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|REGISTRY_AUTH_FILE|DOCKER_CONFIG|SSL_CERT_FILE|SSL_CERT_DIR)$/;
const proxies = /^(?:(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY)$/;

/**
 * Root's skopeo follows no files of another user, as under sudo with that user's variables: they could say that another registry, with
 * other images, is the one that is meant.
 */
function callerVariables({ user }: Facts): Readonly<Record<string, string>> {
  const isOwn = (path: string): boolean => user.rights !== 'root' || findWriterAbove(join(path, 'file'), user.uid) === null;
  const wanted = Object.entries(callerEnvironment()).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && (proxies.test(pair[0]) || (places.test(pair[0]) && isOwn(pair[1]))),
  );
  return Object.fromEntries(wanted);
}

/** How a registry is spoken to. */
export interface RegistryOptions {
  /** Also without TLS, and with certificates that nobody vouches for. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

export interface FetchOptions extends RegistryOptions {
  /** The most bytes that the image may have; absent: nine tenths of what is free. */
  readonly mostBytes?: number;
}

/**
 * Gets an image from a registry into a new directory in `scratch`, as a layout with one image. Returns its path, and what removes it.
 * Throws `missing-tool`, `bad-source` for a reference that is none, `source-too-large`, and `source-failed` with what skopeo said.
 */
export async function fetchImage(
  facts: Facts,
  reference: string,
  scratch: string,
  { mostBytes, ...options }: FetchOptions = {},
): Promise<{ readonly path: string; readonly remove: () => void }> {
  checkReference(reference);
  requireSkopeo();
  const { path: directory, remove } = makeScratch(scratch);
  try {
    const path = join(directory, 'image');
    const words = ['copy', '--quiet', ...tls('src', options), `docker://${reference}`, `oci:${path}`];
    await withinSize(
      path,
      chooseLimits({ root: scratch, storage: scratch }, mostBytes),
      `docker://${reference}`,
      options.signal,
      (signal) => runSkopeo(facts, { words, reference, failed: ['source-failed', 'fetch'] }, { ...options, signal }),
    );
    return { path, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** How often the size of what comes is looked at. */
const lookMs = 100;

/** skopeo takes as much as a registry sends, whatever the registry said before, so `action` is ended when `path` has more than it may. */
async function withinSize<T>(
  path: string,
  limits: UnpackLimits,
  name: string,
  signal: AbortSignal | undefined,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const excess = new AbortController();
  const timer = setInterval(() => {
    if (sizeOfLayout(path) > limits.bytes) excess.abort(limits.tooLarge(name));
  }, lookMs);
  try {
    return await action(signal === undefined ? excess.signal : AbortSignal.any([signal, excess.signal]));
  } finally {
    clearInterval(timer);
  }
}

/** Files that skopeo renames or removes while they are counted are left out. */
function sizeOfLayout(path: string): number {
  try {
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
    return names.reduce((sum, name) => sum + (lstatSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  } catch {
    return 0;
  }
}

/** Puts the image that a layout has as `name` into a registry, byte for byte. Throws `missing-tool` and `push-failed`. */
export async function storeImage(facts: Facts, layout: string, name: string, reference: string, options: RegistryOptions): Promise<void> {
  const words = ['copy', '--quiet', '--preserve-digests', ...tls('dest', options), `oci:${layout}:${name}`, `docker://${reference}`];
  await runSkopeo(facts, { words, reference, failed: ['push-failed', 'store'] }, options);
}

/** The digest of what a registry has under a name: an image, or a list of images for several platforms. Throws as `fetchImage`. */
export async function readRemoteDigest(facts: Facts, reference: string, options: RegistryOptions): Promise<string> {
  checkReference(reference);
  requireSkopeo();
  const hash = startHash('sha256');
  let length = 0;
  const words = ['inspect', '--raw', ...tls(null, options), `docker://${reference}`];
  await runSkopeo(
    facts,
    {
      words,
      reference,
      failed: ['source-failed', 'fetch'],
      onOutput: (chunk) => {
        length += chunk.length;
        if (length <= longestJson) hash.update(chunk);
      },
    },
    options,
  );
  return printDigest({ algorithm: 'sha256', hex: hash.digest('hex') });
}

/** Throws `missing-tool`. */
export function requireSkopeo(): void {
  if (findTool('skopeo', 'root', undefined) !== null) return;
  throw new IsolateError('missing-tool', 'skopeo, which speaks with registries, is not installed.', { hint: 'apt-get install skopeo' });
}

function tls(side: 'src' | 'dest' | null, { insecure = false }: RegistryOptions): readonly string[] {
  return insecure ? [`--${side === null ? '' : `${side}-`}tls-verify=false`] : [];
}

interface Call {
  readonly words: readonly string[];
  readonly reference: string;
  /** The code of a failure, and what could not be done. */
  readonly failed: readonly [ErrorCode, string];
  readonly onOutput?: FillingRequest['onOutput'];
}

async function runSkopeo(
  facts: Facts,
  { words, reference, failed: [code, verb], onOutput }: Call,
  options: RegistryOptions,
): Promise<void> {
  const said: string[] = [];
  const status = await runAsCaller(facts, {
    command: ['skopeo', ...words],
    environment: { ...callerVariables(facts), ...plainEnvironment },
    onErrorLine: (line) => void said.push(line),
    ...(onOutput === undefined ? {} : { onOutput }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (status === 0) return;
  const last = said.findLast((line) => /level=(?:fatal|error)/.test(line)) ?? said.at(-1) ?? `it ended with status ${status}`;
  const [, quoted = last] = /msg="((?:[^"\\]|\\.)*)"/.exec(last) ?? [];
  const message = quoted.replaceAll(/\\(["\\])/g, '$1');
  // The registry of a push has a disk of its own.
  if (code === 'source-failed' && saysNoSpace(message))
    throw noSpace(`skopeo could not ${verb} docker://${reference}`, scratchDirectory(facts));
  const hint = adviseOnFailure(message, reference);
  throw new IsolateError(code, `skopeo could not ${verb} docker://${reference}.`, {
    cause: new Error(message),
    ...(hint === null ? {} : { hint }),
  });
}

/** null: nothing is known that would help. */
function adviseOnFailure(message: string, reference: string): string | null {
  if (/unauthorized|authentication required|denied|invalid username\/password/i.test(message))
    return `skopeo login ${registryOf(reference)}`;
  if (/server gave HTTP response to HTTPS client|x509:/.test(message)) {
    return 'a registry without TLS, or with a certificate of its own: --insecure';
  }
  return null;
}

import { basename } from 'node:path/posix';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { lastLine } from '../process/last-line.ts';
import { planTreeProgram, type StartedTree, startTree, type TreePlace, type TreeResult } from '../run/tree-program.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import { type Guest, withGuest } from './guest.ts';
import { findHostSource, findHostTarget, type HostEndpoint, type HostPlace, hostInside, planHostPlace } from './host-place.ts';

/** `isolate cp FROM TO`. */
export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  /** Keep owners, set-uid bits, capabilities and ACLs. */
  readonly archive: boolean;
}

export interface CopyContext {
  readonly facts: Facts;
  readonly warn: (message: string) => void;
  /** For `-`. */
  readonly input: () => Readable;
  readonly output: Writable;
  readonly signal?: AbortSignal;
}

type GuestEndpoint = Extract<Endpoint, { readonly kind: 'guest' }>;

/** What the archive comes from. */
interface Source {
  readonly archive: Readable;
  readonly result: Promise<TreeResult>;
}

/**
 * Copies between this host and a session or run, by way of an archive: what reads a tree and what writes one are programs of their own,
 * with the rights of their side alone. Returns how many files were copied; null: what the archive had is not known. Throws `usage`,
 * `copy-failed`, `session-missing`, `session-in-use`, `missing-tool`, the reason of the signal.
 */
export async function copy(request: CopyRequest, context: CopyContext): Promise<number | null> {
  const [from, to] = [parseEndpoint(request.from), parseEndpoint(request.to)];
  if (from.kind === 'guest' && to.kind !== 'guest') return await copyOut(from, to, request, context);
  if (to.kind === 'guest' && from.kind !== 'guest') return await copyIn(from, to, request, context);
  const both = `Both ${request.from} and ${request.to} are in a session or run.`;
  const neither = `Neither ${request.from} nor ${request.to} is in a session or run.`;
  throw new IsolateError('usage', from.kind === 'guest' ? both : neither, {
    hint: 'isolate cp NAME:PATH PATH, or isolate cp PATH NAME:PATH',
  });
}

async function copyOut(
  from: GuestEndpoint,
  to: Exclude<Endpoint, GuestEndpoint>,
  request: CopyRequest,
  context: CopyContext,
): Promise<number | null> {
  const { facts } = context;
  const target = to.kind === 'host' ? findHostTarget(to) : null;
  return await withGuest(from.name, { ...context, writable: false }, async (guest) => {
    const source = reading(await guest.start(['pack', guest.root, pathOf(from), nameOf(from)], context.signal));
    if (target === null) return await drain(source, request, context);
    const place = planHostPlace(facts, target, { writable: true, owners: request.archive });
    return await join(source, await startOn(facts, place, unpackWords(from, request, [hostInside, target.path])), request, context);
  });
}

async function copyIn(
  from: Exclude<Endpoint, GuestEndpoint>,
  to: GuestEndpoint,
  request: CopyRequest,
  context: CopyContext,
): Promise<number | null> {
  const source = from.kind === 'host' ? findHostSource(from) : null;
  return await withGuest(to.name, { ...context, writable: true }, async (guest) => {
    warnOfCovered(guest, to, context);
    const read = from.kind === 'host' && source !== null ? await readHost(from, source, request, context) : streamed(context);
    const target = await guest.start(unpackWords(from, request, [guest.root, pathOf(to)]));
    return await join(read, target, request, context);
  });
}

function warnOfCovered({ covered }: Guest, { word, path }: GuestEndpoint, { warn }: CopyContext): void {
  const place = covered.find((one) => `/${path}/`.startsWith(`${one}/`));
  if (place !== undefined) warn(`${word} is not seen by runs, which have a ${place} of their own.`);
}

async function readHost(from: HostEndpoint, source: HostPlace, request: CopyRequest, context: CopyContext): Promise<Source> {
  const place = planHostPlace(context.facts, source, { writable: false, owners: request.archive });
  return reading(await startOn(context.facts, place, ['pack', '--mounts', hostInside, source.path, nameOf(from)], context.signal));
}

function reading({ stdin, stdout, result }: StartedTree): Source {
  stdin.end();
  return { archive: stdout, result };
}

async function startOn(facts: Facts, place: TreePlace, words: readonly string[], signal?: AbortSignal): Promise<StartedTree> {
  return await startTree(facts, planTreeProgram(facts, words, place), { signal });
}

/** With what makes it a directory, if there has to be one. */
function pathOf({ path, isDirectory }: GuestEndpoint): string {
  return isDirectory && path !== '.' ? `${path}/.` : path;
}

/** What is read is called so in the archive. */
function nameOf(from: Exclude<Endpoint, { readonly kind: 'stream' }>): string {
  return from.isContents ? '.' : basename(from.path);
}

function unpackWords(from: Endpoint, { archive }: CopyRequest, rest: readonly string[]): readonly string[] {
  const what = from.kind === 'stream' ? [] : from.isContents ? ['--contents'] : [`--name=${nameOf(from)}`];
  return ['unpack', ...(archive ? ['--archive'] : []), ...what, ...rest];
}

/** Standard input. */
function streamed({ input, signal }: CopyContext): Source {
  const archive = input();
  signal?.addEventListener('abort', () => archive.destroy(), { once: true });
  return { archive, result: Promise.resolve({ status: 0, lines: [] }) };
}

/** To standard output. */
async function drain(source: Source, request: CopyRequest, context: CopyContext): Promise<null> {
  const failure = await pipeline(source.archive, context.output, { end: false }).then(
    () => null,
    (error: unknown) => error,
  );
  const result = await source.result;
  context.signal?.throwIfAborted();
  if (failure !== null) throw new IsolateError('output-failed', 'Could not write to standard output.', { cause: failure });
  checkRead(result, request, context);
  return null;
}

/** What reads may be killed; what writes sees the end of the archive then, and leaves nothing half. */
async function join(source: Source, target: StartedTree, request: CopyRequest, context: CopyContext): Promise<number> {
  let counted = '';
  target.stdout.on('data', (chunk: Buffer) => (counted += chunk.toString('latin1')));
  await pipeline(source.archive, target.stdin).catch(() => {});
  const [read, written] = await Promise.all([source.result, target.result]);
  context.signal?.throwIfAborted();
  const [files = 0, attributes = 0] = counted.trim().split(' ').map(Number);
  if (written.status === 0 || isOwnFailure(read)) checkRead(read, request, context);
  if (written.status !== 0) throw failed(`${request.to} cannot be written`, request.to, written, files);
  if (attributes > 0) context.warn(`The file system there does not take all extended attributes, so some are left out: ${attributes}.`);
  return files;
}

/** Not only because nobody took what was read. */
function isOwnFailure({ status, lines }: TreeResult): boolean {
  return status !== 0 && status !== null && status !== brokenPipe && lines.at(-1)?.startsWith('standard output: ') !== true;
}

/** 128 + SIGPIPE */
const brokenPipe = 141;

function checkRead(read: TreeResult, { from }: CopyRequest, { warn }: CopyContext): void {
  if (read.status !== 0) throw failed(`${from} cannot be copied`, from, read, 0);
  for (const line of read.lines) warn(`${lastLine(line)}.`);
}

function failed(what: string, word: string, { lines }: TreeResult, files: number): IsolateError {
  const line = lastLine(lines.join('\n'));
  const path = parseEndpoint(word);
  const own = path.kind === 'guest' ? `${path.path}: ` : '';
  const reason = own !== '' && line.startsWith(own) ? line.slice(own.length) : line;
  const before = files === 0 ? '' : ` ${files} ${files === 1 ? 'file was' : 'files were'} copied before.`;
  return new IsolateError('copy-failed', `${what}: ${reason}.${before}`);
}

import { PassThrough, type Readable } from 'node:stream';

import type { TemplateRecord } from '../../spec/template-record.ts';
import { IsolateError } from '../../error.ts';
import type { TemplateContext } from '../context.ts';
import { makeTemplate } from '../create.ts';
import { type Incoming, receiveChanges, receiveRest, receiveWhole } from '../dataset/receive.ts';
import { openDatasetContext } from '../dataset/zfs.ts';
import { checkRoot, finishRoot, readRecord } from '../fill/finish.ts';
import type { FillingPlace } from '../fill/place.ts';
import { progressMs } from '../fill/progress.ts';
import { chooseLimits, unpack } from '../fill/unpack.ts';
import { whyNotLabel } from '../label.ts';
import { changeTemplate } from '../open-store.ts';
import { readTemplateRecord } from '../../run/read-template-record.ts';
import type { TemplateRef } from '../template-ref.ts';
import type { StreamHeader } from './header.ts';
import { readHeader } from './read-header.ts';
import { unsealPayload } from './seal.ts';

export interface ReceiveTemplate {
  readonly ref: TemplateRef;
  readonly input: Readable;
  /** What messages call the stream. */
  readonly name: string;
  /** The most bytes that an archive may unpack to; absent: nine tenths of what is free. */
  readonly maxBytes?: number;
  readonly onProgress?: (received: { readonly bytes: number }) => void;
  readonly signal?: AbortSignal;
}

export interface Received extends StreamHeader {
  /** Of the payload. */
  readonly bytes: number;
}

/**
 * Makes a template of what `sendTemplate` wrote, or brings one up to date, wholly or not at all. Throws `bad-source`, `template-exists`,
 * `template-changed`, `not-permitted`, what filling a template throws, the reason of `signal`.
 */
export async function receiveTemplate(request: ReceiveTemplate, context: TemplateContext): Promise<Received> {
  const { input, name, onProgress } = request;
  const signal = request.signal ?? new AbortController().signal;
  const header = await untilAborted(readHeader(input, name), input, signal);
  const payload = unsealPayload(name);
  input.once('error', () => payload.stream.destroy());
  input.once('close', () => {
    if (!input.readableEnded) payload.stream.destroy();
  });
  input.pipe(payload.stream);
  const timer = setInterval(() => onProgress?.({ bytes: payload.bytes() }), progressMs);
  // Waiting for its end has none of its own.
  const stop = (): void => void input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const incoming = { name, stream: payload.stream, whole: payload.whole, signal };
    if (header.carried.kind === 'tar') await receiveTar(request, header, { ...incoming, bytes: payload.bytes }, context);
    else await receiveStream(request.ref, header.carried, incoming, context);
    return { ...header, bytes: payload.bytes() };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', stop);
    input.destroy();
    payload.stream.destroy();
  }
}

type Payload = Omit<Incoming, 'check'>;

async function receiveStream(
  ref: TemplateRef,
  carried: Extract<StreamHeader['carried'], { kind: 'zfs' }>,
  payload: Payload,
  context: TemplateContext,
): Promise<void> {
  const { name } = payload;
  if (ref.kind === 'directory') {
    throw new IsolateError('bad-source', `${name} is a ZFS stream, which only a dataset can receive.`, { hint: 'send it with --tar' });
  }
  const { dataset } = ref;
  const incoming: Incoming = {
    ...payload,
    check: (root) => {
      checkRoot(root, name);
      readTemplateRecord({ path: root, name });
    },
  };
  await changeTemplate(ref, context, async () => {
    const own = await openDatasetContext(dataset, context);
    if (carried.part === 'changes') await receiveChanges(own, carried.base, incoming);
    else if (carried.part === 'rest') await receiveRest(own, incoming);
    else await receiveWhole(own, incoming);
  });
}

async function receiveTar(
  { ref, maxBytes }: ReceiveTemplate,
  header: StreamHeader,
  payload: Payload & { readonly bytes: () => number },
  context: TemplateContext,
): Promise<void> {
  const { signal } = payload;
  const label = header.label !== null && whyNotLabel(header.label) === null ? { label: header.label } : {};
  await makeTemplate({ ref, signal, ...label }, context, async (place) => {
    const { name, stream, whole, bytes } = payload;
    const archive = { name, input: readAhead(stream), compression: null, size: null, position: bytes, close: () => {} };
    const unpacked = unpack(place, archive, { limits: chooseLimits(place.target, maxBytes), signal });
    // tar takes one that was cut between two files for a whole one.
    await unpacked.catch(async (error: unknown) => {
      if (stream.readableEnded || stream.destroyed) await whole;
      throw error;
    });
    await whole;
    signal.throwIfAborted();
    checkRoot(place.target.root, name);
    await finishRoot(place, await chooseRecord(place, header, context));
  });
}

/** The same, for a reader that ends before its end, where the seal is: the rest is read nevertheless. */
function readAhead(stream: Readable): Readable {
  const archive = new PassThrough();
  archive.on('error', () => {});
  archive.once('close', () => stream.unpipe(archive).resume());
  const stop = (): void => {
    if (!stream.readableEnded) archive.destroy(new Error('The stream ended early.'));
  };
  // It may have failed already.
  if (stream.destroyed) stop();
  else stream.once('close', stop);
  return stream.pipe(archive);
}

/** The template's own, which comes with it; else a new one. */
async function chooseRecord(place: FillingPlace, { name }: StreamHeader, { clock }: TemplateContext): Promise<TemplateRecord> {
  return (await readRecord(place, name)) ?? { version: 1, createdMs: clock(), source: name, defaults: {} };
}

/** Waiting for the first byte has no end of its own. */
async function untilAborted<T>(action: Promise<T>, input: Readable, signal: AbortSignal): Promise<T> {
  const stop = (): void => void input.destroy();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await action;
  } finally {
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
  }
}

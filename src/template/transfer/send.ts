import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { IsolateError } from '../../error.ts';
import type { TemplateContext } from '../context.ts';
import { progressMs } from '../fill/progress.ts';
import { type StreamHeader, printHeader } from './header.ts';
import { openParcel, type ParcelRequest } from './parcel.ts';
import { sealPayload } from './seal.ts';
import type { Sink } from './sink.ts';

/** What is sent, and where to. */
export interface SendTemplate extends ParcelRequest {
  /** The template as the user calls it. */
  readonly name: string;
  /** Called when everything that can be checked has been. */
  readonly open: () => Promise<Sink>;
  readonly onProgress?: (sent: { readonly bytes: number }) => void;
  readonly signal?: AbortSignal;
}

export interface Sent extends StreamHeader {
  /** Of the payload. */
  readonly bytes: number;
}

/**
 * Sends a template. null: the receiver has this snapshot already. Throws `template-missing`, `template-without-snapshot`,
 * `snapshot-missing`, `template-exists`, `transfer-failed`, `output-failed`, the reason of `signal`.
 */
export async function sendTemplate(request: SendTemplate, context: TemplateContext): Promise<Sent | null> {
  const parcel = await openParcel(request, context);
  if (parcel === null) return null;
  const header = { name: request.name, label: parcel.label, carried: parcel.carried };
  const sink = await request.open();
  try {
    const bytes = await carry(sink.stream, header, parcel.write, request);
    await sink.finish();
    return { ...header, bytes };
  } catch (error) {
    const reason = await sink.discard();
    request.signal?.throwIfAborted();
    throw isBroken(error) && reason !== null ? reason : error;
  }
}

async function carry(
  sink: Writable,
  header: StreamHeader,
  write: (payload: Writable, signal: AbortSignal) => Promise<void>,
  { onProgress, signal }: Pick<SendTemplate, 'onProgress' | 'signal'>,
): Promise<number> {
  const stopped = new AbortController();
  const either = signal === undefined ? stopped.signal : AbortSignal.any([signal, stopped.signal]);
  const { stream, bytes } = sealPayload();
  sink.write(printHeader(header));
  const carried = pipeline(stream, sink).catch((error: unknown) => {
    stopped.abort(error);
    throw error;
  });
  const timer = setInterval(() => onProgress?.({ bytes: bytes() }), progressMs);
  try {
    const written = write(stream, either).then(
      () => void stream.end(),
      (error: unknown) => {
        // Without the seal the receiver knows that this is not all.
        stream.destroy();
        throw error;
      },
    );
    const [carrying, writing] = await Promise.allSettled([carried, written]);
    if (writing.status === 'rejected') throw writing.reason;
    if (carrying.status === 'rejected') throw carrying.reason;
    return bytes();
  } finally {
    clearInterval(timer);
  }
}

/** Whether a sink failed, and not what was written to it. */
function isBroken(error: unknown): boolean {
  return !(error instanceof IsolateError);
}

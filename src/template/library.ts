import type { Readable, Writable } from 'node:stream';

import { IsolateError } from '../error.ts';
import { parseSize } from '../spec/parse-number.ts';
import { callerPlaces } from './caller-places.ts';
import { callerContext } from './context.ts';
import { createTemplate } from './create.ts';
import { type CreateRequest, notOfRegistry, settleCreateRequest } from './create-request.ts';
import type { Filled, FillOptions } from './fill/fill.ts';
import { newTemplate } from './find.ts';
import { findGiven, type GivenTemplate } from './given.ts';
import { keepState } from './keep-state.ts';
import { parseLabel, splitLabel } from './label.ts';
import { listTemplates } from './list-templates.ts';
import { changeTemplate, describeTemplate } from './open-store.ts';
import { parsePullSource, type Pulled, pullTemplate } from './pull.ts';
import type { LayerCompression } from './push/image-documents.ts';
import { type Pushed, pushTemplate } from './push/push.ts';
import { parsePushTarget } from './push/target.ts';
import { renameTemplate } from './rename.ts';
import type { RolledBack, Snapshot, TemplateInfo } from './store.ts';
import { templateName } from './template-ref.ts';
import { parseDestination } from './transfer/destination.ts';
import { abortTransfer } from './transfer/make-offer.ts';
import { openSent } from './transfer/open-sent.ts';
import { type Received, receiveTemplate, type ReceiveTemplate } from './transfer/receive.ts';
import type { Sent } from './transfer/send.ts';
import { sendGiven, type SendOptions } from './transfer/send-given.ts';
import { type Updated, updateTemplate } from './update.ts';

/** A template, by a name, a dataset or a directory, as on the command line. */
export interface TemplateDescription extends Omit<TemplateInfo, 'ref'> {
  readonly name: string;
  /** Its dataset, or the path of its directory. */
  readonly location: string;
}

/** How a long change is followed and ended. */
export type FollowOptions = Pick<FillOptions, 'signal' | 'onStep' | 'onProgress'>;

type SizeLimit = Pick<CreateRequest, 'maxSize'>;

/** How a template is received. */
export interface ReceiveOptions extends SizeLimit, Pick<ReceiveTemplate, 'onProgress' | 'signal'> {}

/** How a template is pushed. */
export interface PushOptions extends FollowOptions, Pick<CreateRequest, 'insecure'> {
  /** How the layer is compressed; `gzip` unless given. */
  readonly compress?: LayerCompression;
}

/** How a template is pulled. */
export interface PullOptions extends FollowOptions, SizeLimit, Pick<CreateRequest, 'insecure'> {}

/**
 * The verbs of `isolate template`. All throw only IsolateError: `template-missing`, `template-busy` while another process changes the
 * template, and the codes of docs/exit-status.md for what else can fail. A change happens completely or not at all.
 */
export const templates = {
  /** Makes a template from a source. Throws `template-exists`. */
  create: async (template: string, request: CreateRequest, options: FollowOptions = {}): Promise<Filled> =>
    await createTemplate({ ...settleCreateRequest(template, request, await callerPlaces()), ...options }, await callerContext()),

  /** Those in the caller's stores, and for root those that are known elsewhere, without those that cannot be looked at. */
  list: async ({ onProblem }: { readonly onProblem?: (error: IsolateError) => void } = {}): Promise<readonly TemplateDescription[]> => {
    const context = await callerContext();
    const found: TemplateDescription[] = [];
    for (const { name, ref } of await listTemplates(await callerPlaces())) {
      const info = await describeTemplate(ref, context).catch((error: unknown) => {
        if (!(error instanceof IsolateError)) throw error;
        onProblem?.(error);
        return null;
      });
      // null: removed since it was listed, or only in the settings.
      if (info !== null) found.push(describe(name, info));
    }
    return found;
  },

  describe: async (template: string): Promise<TemplateDescription> => {
    const { ref, context } = await findGiven(template);
    const info = await describeTemplate(ref, context);
    if (info === null) throw new IsolateError('template-missing', `There is no template ${template}.`);
    return describe(template, info);
  },

  /** Keeps the present state; without a label, the time is the label. */
  snapshot: async (template: string, label?: string, { signal }: Pick<FollowOptions, 'signal'> = {}): Promise<Snapshot> => {
    const wanted = label === undefined ? null : parseLabel(label);
    const { ref, context } = await findStoppable(template, signal);
    return await changeTemplate(ref, context, (store) => (wanted === null ? keepState(store, context) : store.snapshot(wanted)));
  },

  /** Goes back to a snapshot; `kept` has the state before, unless a snapshot had it. Throws `snapshot-missing`. */
  rollback: async (template: string, label: string, { signal }: Pick<FollowOptions, 'signal'> = {}): Promise<RolledBack> => {
    const { ref, context } = await findStoppable(template, signal);
    return await changeTemplate(ref, context, (store) => store.rollback(label));
  },

  /** Returns its new location. A new name without a place means one beside the template. Throws `template-exists`. */
  rename: async (template: string, wanted: string): Promise<string> =>
    templateName(await renameTemplate(await findGiven(template), wanted)),

  /**
   * Removes a template with its snapshots and unused clones, or only the snapshot `TEMPLATE@LABEL`. Throws `template-busy` while something
   * runs on it, and `snapshot-missing`.
   */
  remove: async (what: string): Promise<void> => {
    const { template, label } = splitLabel(what);
    const { ref, context } = await findGiven(template);
    await changeTemplate(ref, context, (store) => (label === null ? store.remove() : store.removeSnapshot(label)));
  },

  /**
   * Sends `TEMPLATE[@LABEL]` to `HOST:TEMPLATE`, to a file that begins with `/`, `./`, `../` or `~/`, or to a stream, which is ended. null:
   * the receiver has this snapshot already. Throws `transfer-failed`, `output-failed`, and what isolate on the other host says.
   */
  send: async (template: string, to: string | Writable, options: SendOptions = {}): Promise<Sent | null> => {
    if (typeof to !== 'string') return await sendGiven(template, { kind: 'stream', stream: to }, 'the stream', options);
    const destination = parseDestination(to);
    if (destination.kind === 'standard-output') throw new IsolateError('usage', 'A template is sent to a host, a file or a stream.');
    return await sendGiven(template, destination, to, options);
  },

  /** Makes a template of what `send` wrote to a file or a stream, or brings one up to date. Throws `bad-source`, `template-changed`. */
  receive: async (template: string, from: string | Readable, options: ReceiveOptions = {}): Promise<Received> => {
    const { maxSize, ...follow } = options;
    const limit = maxSize === undefined ? {} : { maxBytes: parseSize('--max-size', maxSize) };
    const places = await callerPlaces();
    const ref = newTemplate(template, places);
    const context = await callerContext();
    const source = typeof from === 'string' ? openSent(from, places.workingDirectory) : { name: 'the stream', input: from };
    return await receiveTemplate({ ref, ...source, ...limit, ...follow }, context);
  },

  /** Throws away what a transfer to this template left that was interrupted. Returns whether there was anything. */
  abortReceive: async (template: string): Promise<boolean> =>
    await abortTransfer(newTemplate(template, await callerPlaces()), await callerContext()),

  /** Makes an image of its present state for a registry, a layout or an archive. Throws `push-failed`. */
  push: async (template: string, target: string, options: PushOptions = {}): Promise<Pushed> => {
    const { compress = 'gzip', insecure = false, onStep = (): void => {}, onProgress = (): void => {}, signal } = options;
    const { ref, context, places } = await findGiven(template);
    const to = parsePushTarget(target, places);
    if (insecure && to.kind !== 'registry') throw notOfRegistry(target);
    const push = { ref, target: to, compression: compress, insecure, onStep, onProgress };
    return await pushTemplate({ ...push, ...(signal === undefined ? {} : { signal }) }, context);
  },

  /** Makes a template from `docker://IMAGE`, or brings one to the image's state. Throws what `create` throws. */
  pull: async (template: string, from: string, options: PullOptions = {}): Promise<Pulled> => {
    const { maxSize, ...follow } = options;
    const reference = parsePullSource(from);
    const limit = maxSize === undefined ? {} : { maxBytes: parseSize('--max-size', maxSize) };
    const ref = newTemplate(template, await callerPlaces());
    return await pullTemplate({ ref, reference, ...limit, ...follow }, await callerContext());
  },

  /** Upgrades its distribution and keeps the new state as a snapshot. What the programs print goes to the caller's own streams. */
  update: async (template: string, { signal = new AbortController().signal }: Pick<FollowOptions, 'signal'> = {}): Promise<Updated> => {
    const { ref, context } = await findGiven(template);
    return await changeTemplate(ref, context, (store) => updateTemplate(store, context, { name: template, signal }));
  },
} as const;

/** The template that a word means, for a change whose long steps a signal ends. */
async function findStoppable(template: string, signal: AbortSignal | undefined): Promise<GivenTemplate> {
  const given = await findGiven(template);
  return signal === undefined ? given : { ...given, context: { ...given.context, signal } };
}

function describe(name: string, { ref, ...info }: TemplateInfo): TemplateDescription {
  return { name, location: templateName(ref), ...info };
}

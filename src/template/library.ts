import { IsolateError } from '../error.ts';
import { callerPlaces } from './caller-places.ts';
import { callerContext } from './context.ts';
import { createTemplate } from './create.ts';
import { type CreateRequest, settleCreateRequest } from './create-request.ts';
import type { Filled, FillOptions } from './fill/fill.ts';
import { findGiven, type GivenTemplate } from './given.ts';
import { keepState } from './keep-state.ts';
import { parseLabel } from './label.ts';
import { listTemplates } from './list-templates.ts';
import { changeTemplate, describeTemplate } from './open-store.ts';
import { renameTemplate } from './rename.ts';
import type { RolledBack, Snapshot, TemplateInfo } from './store.ts';
import { templateName } from './template-ref.ts';
import { type Updated, updateTemplate } from './update.ts';

/** A template, by a name, a dataset or a directory, as on the command line. */
export interface TemplateDescription extends Omit<TemplateInfo, 'ref'> {
  readonly name: string;
  /** Its dataset, or the path of its directory. */
  readonly location: string;
}

/** How a long change is followed and ended. */
export type FollowOptions = Pick<FillOptions, 'signal' | 'onStep' | 'onProgress'>;

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

  /** With its snapshots and unused clones. Throws `template-busy` while something runs on it. */
  remove: async (template: string): Promise<void> => {
    const { ref, context } = await findGiven(template);
    await changeTemplate(ref, context, (store) => store.remove());
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

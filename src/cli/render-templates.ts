import type { StatusDocument } from '../status/status.ts';
import { formatTable } from './table.ts';
import type { Rights } from '../host/rights.ts';

/** What `isolate list --json` prints. */
export interface TemplatesDocument {
  readonly templates: readonly TemplateEntry[];
}

export interface TemplateEntry {
  readonly template: string;
  /** Clones that are ready. */
  readonly fresh: number;
  /** How many a refresh makes; null: not set yet. */
  readonly count: number | null;
  /** The newest snapshot, from which the next clones are made; null: unknown. */
  readonly snapshot: string | null;
}

/** The templates of a status, by name. */
export function templatesOf({ pools }: StatusDocument): TemplatesDocument {
  const templates = pools.map(({ template, fresh, count, source }) => ({ template, fresh, count, snapshot: source }));
  return { templates: templates.toSorted((left, right) => (left.template < right.template ? -1 : 1)) };
}

/** Who can give the caller a template, and how; not a full sentence. */
export function adviseClones(rights: Rights, template: string): string {
  return rights === 'root'
    ? `isolate refresh ${template} makes some`
    : 'root names the templates and their users in /etc/isolate/config.toml';
}

/** One line each, without control characters; `rights` are the reader's. */
export function renderTemplates({ templates }: TemplatesDocument, rights: Rights): readonly string[] {
  if (templates.length === 0) return [`There are no clones that you may use: ${adviseClones(rights, 'DATASET')}.`];
  const rows = templates.map(({ template, fresh, count, snapshot }) => [
    template,
    count === null ? String(fresh) : `${fresh} of ${count}`,
    snapshot?.slice(snapshot.indexOf('@') + 1) ?? '-',
  ]);
  return formatTable([['TEMPLATE', 'FRESH', 'SNAPSHOT'], ...rows], ['left', 'left', 'left']);
}

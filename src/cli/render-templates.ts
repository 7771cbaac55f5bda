import type { StatusDocument } from '../status/status.ts';
import { formatTable } from './table.ts';
import type { Rights } from '../host/rights.ts';

/** What `isolate list --json` prints. */
export interface TemplatesDocument {
  readonly templates: readonly TemplateEntry[];
}

export interface TemplateEntry {
  readonly template: string;
  /** Clones that a run gets at once. */
  readonly fresh: number;
  /** How many a refresh sees to; null: nobody said yet. */
  readonly count: number | null;
  /** The newest snapshot, which the next clones are made of; null: not known. */
  readonly snapshot: string | null;
}

/** The templates of a status, by name. */
export function templatesOf({ pools }: StatusDocument): TemplatesDocument {
  const templates = pools.map(({ template, fresh, count, source }) => ({ template, fresh, count, snapshot: source }));
  return { templates: templates.toSorted((left, right) => (left.template < right.template ? -1 : 1)) };
}

/** Who can make a template one of the caller's, and how. No full sentence. */
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

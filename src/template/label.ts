import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import type { Snapshot } from './store.ts';

/** Longer labels would leave no room in names of directories (NAME_MAX) and snapshots. */
const longestLabel = 60;

/** Ends of the names beside a directory of what a later change removes or finishes (`directoryLayout`). */
const unfinished = /\.(?:old-[0-9a-f]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** A label for a snapshot. Those of isolate's own are refused. Throws `bad-name`. */
export function parseLabel(text: string): string {
  const reason = whyNotLabel(text);
  if (reason === null) return text;
  throw new IsolateError('bad-name', `${JSON.stringify(text)} is not a label for a snapshot: ${reason}.`);
}

/** Why `text` is no label for a snapshot, as a phrase; null: it is one. */
export function whyNotLabel(text: string): string | null {
  if (text === '') return 'it is empty';
  if (text.length > longestLabel) return `it is longer than ${longestLabel} characters`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]*$/.test(text)) return 'only letters, digits and "._:-" are allowed, the first a letter or digit';
  if (unfinished.test(text)) return 'what is unfinished has names that end so';
  return isOwnLabel(text) ? 'isolate needs labels that begin with "isolate-" itself' : null;
}

/** Whether a snapshot of this label belongs to isolate's own work on a template, and is none of the user's. */
export function isOwnLabel(label: string): boolean {
  return label.startsWith('isolate-');
}

/** A label that says when, in UTC: `2026-11-28-193000`; with a number after it if a snapshot has that one. */
export function timeLabel(nowMs: number, snapshots: readonly Snapshot[]): string {
  const time = new Date(nowMs).toISOString();
  const label = `${time.slice(0, 10)}-${time.slice(11, 19).replaceAll(':', '')}`;
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? label : `${label}-${number}`;
    if (!snapshots.some((snapshot) => snapshot.label === candidate)) return candidate;
  }
}

/** The snapshot of this label. Throws `snapshot-missing` with one like it. */
export function findSnapshot<Kind extends Snapshot>(template: string, snapshots: readonly Kind[], label: string): Kind {
  const found = snapshots.find((snapshot) => snapshot.label === label);
  if (found !== undefined) return found;
  const labels = snapshots.map((snapshot) => snapshot.label);
  const near = nearest(label, labels);
  const hint =
    near !== null ? `did you mean ${near}?` : labels.length === 0 ? 'it has no snapshots' : `its snapshots are ${labels.join(', ')}`;
  throw new IsolateError('snapshot-missing', `The template ${template} has no snapshot ${JSON.stringify(label)}.`, { hint });
}

/** A template, and which of its snapshots is meant: `TEMPLATE@LABEL`. */
export function splitLabel(text: string): { readonly template: string; readonly label: string | null } {
  const at = text.lastIndexOf('@');
  if (at <= 0 || text.includes('/', at)) return { template: text, label: null };
  return { template: text.slice(0, at), label: text.slice(at + 1) };
}

import type { RefreshReport } from '../pool/refresh.ts';
import { toJson } from '../json.ts';
import { escapeControls } from './escape.ts';
import { toIsolateError } from './render-error.ts';

/** What a refresh did, as text: one line, then one for everything that is not as it should be. */
export function renderReport(report: RefreshReport): string {
  const { template, source, count, destroyed, created, fresh, leased, stale, busy, failed, notCreated, durationMs } = report;
  const lines = [
    `${template}: destroyed ${destroyed}, made ${created} in ${(durationMs / 1000).toFixed(2)} s; ${fresh} of ${count} fresh, ${leased} in use${source === null ? '' : `, from ${source}`}`,
    ...(stale === 0
      ? []
      : [`${stale} fresh ${stale === 1 ? 'clone is' : 'clones are'} of an older snapshot; isolate refresh --force replaces them`]),
    ...(notCreated === null ? [] : [`clones are missing: ${notCreated}`]),
    ...busy.map(
      ({ id, holders }) =>
        `clone ${id} is still in use${holders.length === 0 ? '' : ` by ${holders.map(({ pid, command }) => `${command} (${pid})`).join(', ')}`}`,
    ),
    ...failed.map(({ id, error }) => `clone ${id}: ${error.message}`),
  ];
  return lines.map((line) => `${escapeControls(line)}\n`).join('');
}

/** The same as one JSON object in one line. */
export function renderReportJson(report: RefreshReport): string {
  const failed = report.failed.map(({ id, error }) => ({ id, code: toIsolateError(error).code, message: error.message }));
  return `${toJson({ ...report, failed })}\n`;
}

/** Whether the pool is what was asked for: nothing failed and nothing is missing. What is still in use goes later. */
export function isComplete(report: RefreshReport): boolean {
  return report.failed.length === 0 && report.notCreated === null;
}

import { causesOf } from '../error.ts';
import { toFailure } from '../pool/failure.ts';
import type { RefreshReport } from '../upkeep/report.ts';
import { toJson } from '../json.ts';
import { escapeControls } from './escape.ts';

/** What a refresh did, as text: one line, then one for each problem. */
export function renderReport(report: RefreshReport): string {
  const {
    template,
    source,
    leftOut,
    gone,
    count,
    destroyed,
    created,
    fresh,
    leased,
    stale,
    kept,
    sessions,
    busy,
    failed,
    notCreated,
    durationMs,
  } = report;
  const lines = [
    `${template}: destroyed ${destroyed}, made ${created} in ${(durationMs / 1000).toFixed(2)} s; ${fresh} of ${count} fresh, ${leased} in use${source === null ? '' : `, from ${source}`}`,
    ...leftOut.map((dataset) => `clones lack what is in ${dataset}, which is a separate dataset`),
    ...(gone
      ? [
          `${template.startsWith('/') ? 'the directory' : 'the dataset'} ${template} no longer exists${leased === 0 ? ', so its pool is forgotten' : ''}`,
        ]
      : []),
    ...(stale === 0
      ? []
      : [`${stale} fresh ${stale === 1 ? 'clone is' : 'clones are'} of an older snapshot; isolate refresh --force replaces them`]),
    ...(notCreated === null ? [] : [`${created === 0 ? 'made no clones' : 'clones are missing'}: ${withSmallLetter(notCreated)}`]),
    ...(sessions.length === 0
      ? []
      : [`${sessions.length} ${sessions.length === 1 ? 'clone is a session' : 'clones are sessions'}; isolate sessions --all lists them`]),
    ...kept
      .filter((id) => !sessions.includes(id))
      .map((id) => `${template}_${id} is kept; zfs inherit isolate:keep ${template}_${id} releases it`),
    ...busy.map(
      ({ id, holders }) =>
        `clone ${id} is still in use${holders.length === 0 ? '' : ` by ${holders.map(({ pid, command }) => `${command} (${pid})`).join(', ')}`}`,
    ),
    ...failed.map(({ id, error }) => `clone ${id}: ${toFailure(error).message}`),
  ];
  return lines.map((line) => `${escapeControls(line)}\n`).join('');
}

function withSmallLetter(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** The same as a JSON object on one line. */
export function renderReportJson(report: RefreshReport): string {
  const failed = report.failed.map(({ id, error }) => ({ id, code: error.code, message: error.message, causes: causesOf(error) }));
  return `${toJson({ ...report, failed })}
`;
}

/** Whether the pool is as requested: nothing failed and nothing is missing. Clones still in use are destroyed later. */
export function isComplete(report: RefreshReport): boolean {
  return report.failed.length === 0 && report.notCreated === null;
}

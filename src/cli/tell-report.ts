import type { RefreshReport } from '../upkeep/report.ts';
import { print, write } from './output.ts';
import { isComplete, renderReport, renderReportJson } from './render-report.ts';

/** Prints what a refresh has done, as these flags want it. Returns whether the pool is as requested. */
export function tellReport(report: RefreshReport, flags: ReadonlySet<string>): boolean {
  if (flags.has('json')) print(renderReportJson(report));
  else if (!flags.has('quiet')) print(renderReport(report));
  else if (!isComplete(report)) write(2, renderReport(report));
  return isComplete(report);
}

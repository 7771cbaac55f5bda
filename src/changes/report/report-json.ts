import { showPath } from '../show-path.ts';
import type { Report } from '../finding.ts';

/**
 * A report as the value of a JSON document. Paths are text as `showPath` makes it. Of findings of the risk `none` the paths are there only with
 * `all`.
 */
export function reportToJson({ summary, findings }: Report, all: boolean): object {
  return {
    summary,
    findings: findings.map(({ rule, category, risk, count, what, ofPackages, why, items, paths }) => ({
      rule,
      category,
      risk,
      count,
      what,
      ofPackages,
      why,
      items: [...new Set(items)],
      paths: (risk === 'none' && !all ? [] : [...new Set(paths)]).map((path) => `/${showPath(path)}`),
    })),
  };
}

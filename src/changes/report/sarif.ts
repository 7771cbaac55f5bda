import type { BytePath } from '../change.ts';
import { countOf, type Finding, type Report, type Risk } from '../finding.ts';
import { rules } from './rules.ts';

/** How many results a rule has at most; programs that show such files refuse very large ones. */
const mostResults = 1000;

const levels: Readonly<Record<Risk, 'error' | 'warning' | 'note' | 'none'>> = {
  high: 'error',
  medium: 'warning',
  low: 'note',
  none: 'none',
};

/**
 * A report as a log of SARIF 2.1.0: a rule for each row of the table, and a result for each item. What is only counted has one result without
 * a place; so has the rest of a finding with very many items.
 */
export function toSarif({ summary, findings }: Report, version: string): object {
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'isolate', version, rules: rules.map(toDescriptor) } },
        originalUriBaseIds: { ROOT: { description: { text: 'The root directory of the sandbox.' } } },
        invocations: [{ executionSuccessful: true }],
        columnKind: 'utf16CodeUnits',
        properties: { summary },
        results: findings.flatMap(toResults),
      },
    ],
  };
}

function toDescriptor({ id, category, risk, what, why }: (typeof rules)[number]): object {
  return {
    id,
    shortDescription: { text: what[0] },
    fullDescription: { text: why },
    defaultConfiguration: { level: levels[risk] },
    properties: { category, tags: [category] },
  };
}

function toResults(finding: Finding): readonly object[] {
  const { items, paths, inFull } = finding;
  const shown = items.length === 0 ? 0 : Math.max(inFull, mostResults);
  const results = items.slice(0, shown).map((item, at) => ({
    ...resultOf(finding, item),
    locations: [{ physicalLocation: { artifactLocation: { uri: toUri(paths[at] ?? '.'), uriBaseId: 'ROOT' } } }],
  }));
  if (items.length === 0) return [resultOf(finding, countOf(finding))];
  return items.length <= shown ? results : [...results, resultOf(finding, `${items.length - shown} more`)];
}

function resultOf({ rule, risk, why }: Finding, item: string): object {
  return {
    ruleId: rule,
    ruleIndex: rules.findIndex(({ id }) => id === rule),
    kind: risk === 'none' ? 'informational' : 'fail',
    level: levels[risk],
    message: { text: `${item}: ${why}` },
  };
}

/** The bytes of a path as a relative URI of RFC 3986. */
function toUri(path: BytePath): string {
  return path.replaceAll(/[^A-Za-z0-9._~/-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

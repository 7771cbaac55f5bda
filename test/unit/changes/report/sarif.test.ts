import { expect, test } from 'vitest';

import { rules } from '../../../../src/changes/report/rules.ts';
import { toSarif } from '../../../../src/changes/report/sarif.ts';
import { added, of, reportOf } from './make-changes.ts';

interface Log {
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
      readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number; readonly locations?: readonly object[] }[];
    },
  ];
}

function logOf(...changes: readonly ReturnType<typeof added>[]): Log {
  return JSON.parse(JSON.stringify(toSarif(reportOf(of(...changes)), '1.2.3'))) as Log;
}

test('a log has a rule for each row of the table, and a result for each item with its place', () => {
  const log = logOf(added('etc/profile.d/a b:%#?\xc3\xa9\xff.sh'), added('etc/machine-id'));
  const [run] = log.runs;
  const ids = rules.map(({ id }) => id);
  expect(run.tool.driver.rules.map(({ id }) => id)).toEqual(ids);
  expect(run.tool.driver.rules[ids.indexOf('shell-start')]).toEqual({
    id: 'shell-start',
    shortDescription: { text: "start file of all users' shells" },
    fullDescription: { text: "Every user's shell runs the file, also root's." },
    defaultConfiguration: { level: 'error' },
    properties: { category: 'shells', tags: ['shells'] },
  });
  expect(run.results).toEqual([
    {
      ruleId: 'shell-start',
      ruleIndex: ids.indexOf('shell-start'),
      kind: 'fail',
      level: 'error',
      message: { text: String.raw`"/etc/profile.d/a b:%#?\303\251\377.sh": Every user's shell runs the file, also root's.` },
      locations: [{ physicalLocation: { artifactLocation: { uri: 'etc/profile.d/a%20b%3A%25%23%3F%C3%A9%FF.sh', uriBaseId: 'ROOT' } } }],
    },
    {
      ruleId: 'identity',
      ruleIndex: ids.indexOf('identity'),
      kind: 'informational',
      level: 'none',
      message: { text: '1 mark of this one system: Every system has its own.' },
    },
  ]);
  expect({
    ...log,
    runs: log.runs.map((each) => ({ ...each, results: [], tool: { driver: { ...each.tool.driver, rules: [] } } })),
  }).toEqual({
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'isolate', version: '1.2.3', rules: [] } },
        originalUriBaseIds: { ROOT: { description: { text: 'The root directory of the sandbox.' } } },
        invocations: [{ executionSuccessful: true }],
        columnKind: 'utf16CodeUnits',
        properties: { summary: "1 start file of all users' shells; 1 mark of this one system left out." },
        results: [],
      },
    ],
  });
});

test('a finding with very many items has a result for the rest', () => {
  const { results } = logOf(...Array.from({ length: 1500 }, (_, at) => added(`opt/${at}`))).runs[0];
  expect(results).toHaveLength(1001);
  expect(results[1000]).toMatchObject({ ruleId: 'other-file', message: { text: '500 more: No other rule knows the file.' } });
  expect(results[1000]?.locations).toBeUndefined();
});

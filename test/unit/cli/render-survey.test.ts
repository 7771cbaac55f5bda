import { expect, test } from 'vitest';

import { renderSurvey, renderSurveyJson } from '../../../src/cli/render-survey.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { Check } from '../../../src/host/survey/check.ts';

const engine: Engine = {
  name: 'box',
  summary: 'a box',
  capabilities: {
    isolates: true,
    features: ['hostname', 'x11', 'pids'],
    variables: [],
    network: 'optional',
    ownTrees: [],
    mountpoints: [],
    seccomp: 'whole',
    kernel: 'hosts',
    nests: false,
    unprivileged: true,
  },
  check: () => [],
  plan: () => {
    throw new Error('not planned here');
  },
};
const checks: readonly Check[] = [
  { id: 'node', state: 'ok', fact: 'Node 24' },
  { id: 'zfs', state: 'too-old', fact: 'a\u001b[31mfact', hint: 'apt-get install zfs' },
];

test('every fact is one line with its hint below, then come the engines and what they support', () => {
  const text = renderSurvey(checks, [{ engine, problems: [] }]);
  expect(text.split('\n').slice(0, 8)).toEqual([
    'ok        node  Node 24',
    'too-old   zfs   a\\x1b[31mfact',
    '                hint: apt-get install zfs',
    '',
    'usable    box   a box',
    '',
    '                               box',
    'isolates                       yes',
  ]);
});

test('an engine that cannot be used says why', () => {
  const problems = [{ code: 'missing-tool', message: 'no box.', hint: 'get one' }] as const;
  expect(renderSurvey([], [{ engine, problems }]).split('\n').slice(1, 3)).toEqual([
    'unusable  box  no box',
    '               hint: get one',
  ]);
});

test('JSON carries the checks and the engines with their problems', () => {
  const problems = [{ code: 'missing-tool', message: 'no box.' }] as const;
  expect(JSON.parse(renderSurveyJson(checks, [{ engine, problems }]))).toEqual({
    checks,
    engines: [{ name: 'box', summary: 'a box', usable: false, problems, capabilities: engine.capabilities }],
  });
});

import { expect, it } from 'vitest';

import { lineOf, type ReportEvent, type ReportLine } from '../../../src/launch/report.ts';
import { reportLines } from '../../../src/cli/report-lines.ts';

const request = { command: ['100%\u001b'] as [string], timeoutSeconds: 1.5, memory: '1g' };
const outOfMemory = true as const;

it.each<[event: ReportEvent, status: string, plain: string, json: string]>([
  [{ kind: 'started' }, '{"event":"started","way":"node"}', '', ''],
  [{ kind: 'exited', code: 0 }, '{"event":"exited","code":0}', '', ''],
  [
    { kind: 'exited', code: 1, outOfMemory },
    '{"event":"exited","code":1,"outOfMemory":true}',
    'isolate: warning: A process in the sandbox was killed: the sandbox needed more memory than --memory 1g allows.',
    '{"warning":"A process in the sandbox was killed: the sandbox needed more memory than --memory 1g allows."}',
  ],
  [{ kind: 'killed', signal: 'SIGKILL' }, '{"event":"exited","signal":"SIGKILL"}', '', ''],
  [
    { kind: 'killed', signal: 'SIGKILL', outOfMemory },
    '{"event":"exited","signal":"SIGKILL","outOfMemory":true}',
    String.raw`isolate: warning: The command "100%\u001b" was killed: the sandbox needed more memory than --memory 1g allows.`,
    String.raw`{"warning":"The command \"100%\\u001b\" was killed: the sandbox needed more memory than --memory 1g allows."}`,
  ],
  [
    { kind: 'killed', signal: 'SIGTERM', outOfMemory },
    '{"event":"exited","signal":"SIGTERM","outOfMemory":true}',
    'isolate: warning: A process in the sandbox was killed: the sandbox needed more memory than --memory 1g allows.',
    '{"warning":"A process in the sandbox was killed: the sandbox needed more memory than --memory 1g allows."}',
  ],
  [
    { kind: 'timed-out' },
    '{"event":"exited","timedOut":true}',
    String.raw`isolate: "100%\u001b" ran longer than 1.5 s and was ended.`,
    String.raw`{"error":{"code":"timed-out","message":"\"100%\\u001b\" ran longer than 1.5 s and was ended.","causes":[]}}`,
  ],
  [
    { kind: 'not-executed', errno: 'ENOENT' },
    '{"event":"failed","error":"not-executed","errno":"ENOENT"}',
    '',
    String.raw`{"error":{"code":"not-executed","message":"The command \"100%\\u001b\" was not found in the sandbox.","causes":[]}}`,
  ],
  [
    { kind: 'not-executed', errno: 'EACCES' },
    '{"event":"failed","error":"not-executed","errno":"EACCES"}',
    '',
    String.raw`{"error":{"code":"not-executed","message":"The command \"100%\\u001b\" cannot be executed in the sandbox: EACCES.","causes":[]}}`,
  ],
  [
    { kind: 'failed', code: 'aborted', message: 'It\u0085 "ended".', hint: 'begin' },
    String.raw`{"event":"failed","error":"aborted","message":"It\u0085 \"ended\"."}`,
    '',
    String.raw`{"error":{"code":"aborted","message":"It\u0085 \"ended\".","hint":"begin","causes":[]}}`,
  ],
])('of %j is told to the status descriptor, to a person and in JSON', (event, status, plain, json) => {
  const told = (stream: ReportLine['stream'], isJson: boolean): string =>
    lineOf(reportLines(request, { json: isJson, status: true, way: 'node' }), stream, event).trimEnd();
  expect({ status: told('status', false), plain: told('error', false), json: told('error', true) }).toEqual({ status, plain, json });
});

it('tells nothing of the status to those who did not ask for it', () => {
  expect(reportLines(request, { json: false, status: false, way: 'node' }).filter(({ stream }) => stream === 'status')).toEqual([]);
});

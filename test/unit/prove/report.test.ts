import { expect, test } from 'vitest';
import { parseProofResults } from '../../../src/prove/report.ts';

test('results are read line by line, with a terminal’s line ends too', () => {
  const text =
    '{"case":"calls/keyctl","verdict":"held","detail":"Operation not permitted"}\r\n{"case":"procfs/kcore","verdict":"broken","detail":"opened"}\n';
  expect(parseProofResults(text)).toEqual([
    { id: 'calls/keyctl', verdict: 'held', detail: 'Operation not permitted' },
    { id: 'procfs/kcore', verdict: 'broken', detail: 'opened' },
  ]);
});

test('control characters and letters beyond ASCII in a detail become question marks', () => {
  const [result] = parseProofResults('{"case":"devices/others","verdict":"broken","detail":"/dev/\\u001b[2J\\u00e9"}');
  expect(result?.detail).toBe('/dev/?[2J?');
});

test.for([
  'nonsense',
  '{}',
  '[]',
  'null',
  '{"case":"a/b","verdict":"fine","detail":""}',
  '{"case":"../x","verdict":"held","detail":""}',
  '{"case":"a/b","verdict":"held","detail":1}',
])('the line %j is an error', (line) => {
  expect(() => parseProofResults(line)).toThrow(expect.objectContaining({ code: 'engine-failed' }));
});

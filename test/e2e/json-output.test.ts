import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { commandLine } from '../rig/command-line.ts';
import { isolate, startIsolate } from '../rig/isolate.ts';
import { temporaryTemplate } from '../rig/template.ts';

/** Sets colours, reorders a line, is DEL: in an 8-bit terminal and in one of Unicode. */
const hostile = 'a\u009b31m\u202eb\u061c\u2066\u007f\u001b[1m';
const escaped = String.raw`a\u009b31m\u202eb\u061c\u2066\u007f\u001b[1m`;
const raw = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

let template: string;
beforeAll(async () => {
  template = await temporaryTemplate();
});
afterAll(() => {
  rmSync(dirname(template), { recursive: true, force: true });
});

test('ps --json escapes control characters in the commands of other users', async () => {
  const child = startIsolate(['-q', '-t', template, '--read-only', 'sh', '-c', 'echo ready; read line', hostile]);
  await once(child.stdout!, 'data');
  const [json, text] = await Promise.all([isolate(['ps', '--json']), isolate(['ps'])]);
  child.stdin?.end();
  await once(child, 'close');
  expect({ escaped: json.stdout.includes(escaped), rawInJson: raw.test(json.stdout), rawInText: raw.test(text.stdout) }).toEqual({
    escaped: true,
    rawInJson: false,
    rawInText: false,
  });
  expect((JSON.parse(json.stdout) as { runs: { command: string[] }[] }).runs[0]?.command.at(-1)).toBe(hostile);
});

const root = (): readonly string[] => ['-t', template, '--read-only'];

test.each<[string, () => readonly string[]]>([
  ['a dry run', () => ['--dry-run', '--json', ...root(), hostile]],
  ['a dry run as text', () => ['--dry-run', ...root(), hostile]],
  ['a command that is not there', () => ['--json', ...root(), hostile]],
  ['an error', () => ['--json', '-e', hostile, ...root(), 'true']],
  ['an error as text', () => ['-e', hostile, ...root(), 'true']],
  ['the log of commands', () => ['-x', '--json', ...root(), 'true', hostile]],
  ['the log of commands as text', () => ['-x', ...root(), 'true', hostile]],
])('%s escapes control characters and what reorders a line', (_, words) => {
  const { stdout, stderr } = commandLine(words());
  const output = stdout + stderr;
  expect(raw.test(output)).toBe(false);
  // Within a message the word is in quotes of its own.
  expect(output.replaceAll('\\\\', '\\')).toMatch(/\\(?:u00|x)9b31m\\u202eb/);
});

test('the status descriptor escapes control characters and what reorders a line', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'json-')), 'status');
  commandLine(['--status-fd', '3', '-e', hostile, ...root(), 'true'], [openSync(file, 'w')]);
  const text = readFileSync(file, 'utf8');
  expect([raw.test(text), JSON.parse(text)]).toMatchObject([false, { event: 'failed', error: 'usage' }]);
});

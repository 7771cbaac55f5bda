import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IsolateError } from '../../../src/error.ts';
import { configuredCount, configuredTemplates } from '../../../src/pool/config.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-config-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function count(text: string, template = 'tank/debian'): Promise<number | null | string> {
  const path = join(directory, 'config.toml');
  await writeFile(path, text);
  return await configuredCount(template, path).catch((error: unknown) => {
    expect(error).toBeInstanceOf(IsolateError);
    return (error as IsolateError).message.replace(path, 'FILE');
  });
}

test('the templates are those the file names, in its order, and none without a file', async () => {
  await count('[templates."tank/debian"]\ncount = 20\n[templates."tank/another"]\n');
  expect(await configuredTemplates(join(directory, 'config.toml'))).toEqual(['tank/debian', 'tank/another']);
  expect(await configuredTemplates(join(directory, 'no-such-file'))).toEqual([]);
});

test('a template has its own count, else the one for all, else none', async () => {
  const text = 'count = 4\n[templates."tank/debian"]\ncount = 20\n[templates."tank/plain"]\n';
  expect(await count(text)).toBe(20);
  expect(await count(text, 'tank/other')).toBe(4);
  expect(await count(text, 'tank/plain')).toBe(4);
  expect(await count('', 'tank/debian')).toBeNull();
  expect(await count('', 'toString')).toBeNull();
  expect(await configuredCount('tank/debian', join(directory, 'none'))).toBeNull();
});

test('a file that is no TOML, or says what is not known, is refused with the place', async () => {
  expect(await count('count =\n')).toMatch(/^FILE is not valid: line 1: /);
  expect(await count('count = 0\n')).toMatch(/^FILE is not valid: count: /);
  expect(await count('count = 1001\n')).toMatch(/^FILE is not valid: count: /);
  expect(await count('count = "5"\n')).toMatch(/^FILE is not valid: count: /);
  expect(await count('size = 5\n')).toMatch(/^FILE is not valid: size: /);
  expect(await count('[templates."tank/debian"]\nsize = 5\n')).toMatch(/^FILE is not valid: templates\.tank\/debian\.size: /);
});

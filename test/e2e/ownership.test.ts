import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { temporaryTemplate } from '../rig/template.ts';

let template: string;
beforeAll(async () => {
  template = await temporaryTemplate();
  execFileSync('chown', ['-hR', '1879048192:1879048192', template]);
});
afterAll(() => {
  rmSync(dirname(template), { recursive: true, force: true });
});

const script = 'touch /new && chown 42:43 /new && stat -c "%u %g" /new /etc/passwd && cat /proc/self/uid_map';
const seen = '42 43\n0 0\n         0 1879048192      65536\n';

test.each(['bwrap', 'lxc'])('%s runs on a throw-away overlay of a template whose owners are shifted', async (engine) => {
  const { status, stdout, stderr } = await isolate(['-q', '-e', engine, '--ephemeral', '-t', template, 'sh', '-c', script]);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: seen, stderr: '' });
  expect(existsSync(join(template, 'new'))).toBe(false);
});

test.each(['bwrap', 'lxc'])('%s runs on a template itself whose owners are shifted', async (engine) => {
  const { status, stdout, stderr } = await isolate(['-q', '-e', engine, '-t', template, 'sh', '-c', script]);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: seen, stderr: '' });
  expect(existsSync(join(template, 'new'))).toBe(true);
});

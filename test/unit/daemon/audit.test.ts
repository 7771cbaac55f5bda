import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const source = join(import.meta.dirname, '../../../src');

/** Runs `body` in a process of its own, whose standard error is the log. */
async function logOf(body: string): Promise<unknown[]> {
  const script = `
    import { startServiceLog } from '${source}/log.ts';
    import { createAudit } from '${source}/daemon/audit.ts';
    import { IsolateError } from '${source}/error.ts';
    await startServiceLog();
    let nowMs = 0;
    const metrics = { leased: () => {}, refused: () => {} };
    const audit = createAudit({ metrics, userName: () => 'ann', clock: () => nowMs });
    const peer = { uid: 1000, gid: 1000, rights: 'user', groups: [], pid: 7, holder: null };
    const event = { peer, template: 'tank/a', engine: 'bwrap', waitedMs: 0.123456 };
    ${body}`;
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  return stderr
    .trim()
    .split('\n')
    .map((line) => {
      const { time: _, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      return fields;
    });
}

const who = { uid: 1000, user: 'ann', pid: 7, template: 'tank/a', engine: 'bwrap', waitedMs: 0.12 };

test('a lease is one line when it has ended', async () => {
  const lines = await logOf(`
    audit.onLeased({ ...event, clone: '1' });
    audit.onEnded({ ...event, clone: '1', heldMs: 1234.5678, outcome: { kind: 'killed', signal: 'SIGKILL' } });`);
  expect(lines).toEqual([
    { level: 'info', event: 'lease', ...who, clone: '1', heldMs: 1234.57, outcome: 'killed', signal: 9, msg: 'A lease ended.' },
  ]);
});

test('refusals are logged, but of a flood only the number', async () => {
  const lines = await logOf(`
    const refuse = () => audit.onRefused({ ...event, error: new IsolateError('quota-exceeded', 'Enough.') });
    audit.onRefused({ ...event, error: new IsolateError('no-free-clone', 'None.') });
    for (let count = 0; count < 1000; count += 1) refuse();
    nowMs = 60_000;
    refuse();`);
  const one = { level: 'warn', event: 'refused', ...who, code: 'quota-exceeded', msg: 'Enough.' };
  const sum = {
    level: 'warn',
    event: 'refused',
    uid: 1000,
    user: 'ann',
    untold: 980,
    msg: '980 more requests from uid 1000 were refused.',
  };
  expect(lines).toEqual([...Array.from({ length: 20 }, () => one), sum, one]);
});

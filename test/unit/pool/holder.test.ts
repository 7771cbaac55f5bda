import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatHolder, isAlive, parseHolder, parseProcStat, readOwnHolder } from '../../../src/pool/holder.ts';

const bootId = '01234567-89ab-cdef-0123-456789abcdef';
const holder = { pid: 42, startTime: '4711', bootId };

function stat(pid: number, command: string, state: string, startTime: string): string {
  return `${pid} (${command}) ${state} 1 ${'0 '.repeat(17)}${startTime} 0 0\n`;
}

describe('a holder', () => {
  test('is written as pid, start time and boot', () => {
    expect(formatHolder(holder)).toBe(`42.4711.${bootId}`);
    expect(parseHolder(formatHolder(holder))).toEqual(holder);
  });

  test.each([
    '',
    '42',
    `042.4711.${bootId}`,
    `0.1.${bootId}`,
    `-1.1.${bootId}`,
    `42..${bootId}`,
    `42.4711.${bootId}x`,
    `42.4711.${bootId.toUpperCase()}`,
    `42.4711.${bootId}\n`,
  ])('is not read from %j', (text) => expect(parseHolder(text)).toBeNull());

  test('is read from a stat line whatever the command is called', () => {
    expect(parseProcStat(stat(42, 'a) R (b c', 'S', '4711'))).toEqual({ pid: 42, state: 'S', startTime: '4711' });
    expect(['', '42', '42 (a', '42 (a) S 1 2'].map(parseProcStat)).toEqual([null, null, null, null]);
  });

  test('lives only if boot, pid and start time agree and it has not ended', () => {
    const proc = mkdtempSync(join(tmpdir(), 'isolate-proc-'));
    const show = (text: string | null): boolean => {
      rmSync(join(proc, '42'), { recursive: true, force: true });
      mkdirSync(join(proc, '42'));
      if (text !== null) writeFileSync(join(proc, '42/stat'), text);
      return isAlive(holder, bootId, proc);
    };
    expect({
      same: show(stat(42, 'node', 'S', '4711')),
      unreadableText: show('?'),
      otherStart: show(stat(42, 'node', 'S', '4712')),
      zombie: show(stat(42, 'node', 'Z', '4711')),
      gone: show(null),
    }).toEqual({ same: true, unreadableText: true, otherStart: false, zombie: false, gone: false });
    show(stat(42, 'node', 'S', '4711'));
    expect(isAlive(holder, bootId.replace('0', '1'), proc)).toBe(false);
    rmSync(proc, { recursive: true });
  });

  test('of this process lives, that of a killed child does not, reaped or not', async () => {
    const own = readOwnHolder();
    expect({ pid: own.pid, isAlive: isAlive(own, own.bootId) }).toEqual({ pid: process.pid, isAlive: true });
    const child = spawn('sleep', ['30']);
    const started = parseProcStat((await import('node:fs')).readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
    const other = { pid: child.pid ?? 0, startTime: started?.startTime ?? '', bootId: own.bootId };
    expect(isAlive(other, own.bootId)).toBe(true);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(isAlive(other, own.bootId)).toBe(false);
  });
});

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatHolder, parseProcStat, readOwnHolder } from '../../../../src/pool/holder.ts';
import { isLocked, tryLock, waitForLock } from '../../../../src/pool/claims/lock.ts';

const holder = readOwnHolder();
let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-lock-'));
  path = join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

const lockModule = join(import.meta.dirname, '../../../../src/pool/claims/lock.ts');
const holderModule = join(import.meta.dirname, '../../../../src/pool/holder.ts');

/** Runs a program that imports the lock, and returns what it prints. */
async function runProgram(body: string): Promise<string> {
  const program = `
    import { tryLock, waitForLock } from ${JSON.stringify(lockModule)};
    import { readOwnHolder } from ${JSON.stringify(holderModule)};
    import fs from 'node:fs';
    const path = ${JSON.stringify(path)};
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return output;
}

describe('a lock', () => {
  test('is had by one at a time, also within one process', async () => {
    const lock = await tryLock(path, holder);
    expect({ second: await tryLock(path, holder), isLocked: isLocked(path, holder.bootId) }).toEqual({ second: null, isLocked: true });
    await expect(waitForLock(path, holder, { waitMs: 30 })).rejects.toMatchObject({
      code: 'pool-locked',
      message: `The lock ${path} is held by process ${process.pid}.`,
    });
    await lock?.release();
    expect({ entries: readdirSync(directory), isLocked: isLocked(path, holder.bootId) }).toEqual({ entries: [], isLocked: false });
  });

  test('of a process that was killed is free at once', async () => {
    await runProgram(`await tryLock(path, readOwnHolder()); process.kill(process.pid, 'SIGKILL');`);
    expect(readdirSync(directory)).toHaveLength(2);
    const lock = await tryLock(path, holder);
    expect(lock).not.toBeNull();
    await lock?.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('of another boot is free at once', async () => {
    const other = { ...holder, bootId: '01234567-89ab-cdef-0123-456789abcdef' };
    writeFileSync(`${path}.${formatHolder(other)}`, '');
    const lock = await tryLock(path, holder);
    expect(lock).not.toBeNull();
    await lock?.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('keeps many processes apart when they find the lock of a dead one', async () => {
    await runProgram(`await tryLock(path, readOwnHolder()); process.kill(process.pid, 'SIGKILL');`);
    const counter = join(directory, 'counter');
    writeFileSync(counter, '0');
    const body = `
      for (let turn = 0; turn < 10; turn += 1) {
        const lock = await waitForLock(path, readOwnHolder(), { waitMs: 40_000 });
        const count = Number(fs.readFileSync(${JSON.stringify(counter)}, 'utf8'));
        await new Promise((resolve) => setTimeout(resolve, 1));
        fs.writeFileSync(${JSON.stringify(counter)}, String(count + 1));
        await lock.release();
      }`;
    await Promise.all(Array.from({ length: 6 }, () => runProgram(body)));
    expect(readFileSync(counter, 'utf8')).toBe('60');
    expect(readdirSync(directory)).toEqual(['counter']);
  });

  test('that cannot be taken leaves no holder behind', async () => {
    writeFileSync(`${path}.${formatHolder({ ...holder, bootId: '01234567-89ab-cdef-0123-456789abcdef' })}`, '');
    writeFileSync(path, '');
    utimesSync(path, 0, 0);
    await expect(tryLock(path, holder)).rejects.toMatchObject({ message: `The lock ${path} cannot be taken.` });
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  test('is given up for a holder that came while it was taken', async () => {
    const init = parseProcStat(readFileSync('/proc/1/stat', 'utf8'));
    const rival = formatHolder({ pid: 1, startTime: init?.startTime ?? '', bootId: holder.bootId });
    const attempt = tryLock(path, holder);
    writeFileSync(`${path}.${rival}`, '');
    expect({ attempt: await attempt, entries: readdirSync(directory) }).toEqual({ attempt: null, entries: [`lock.${rival}`] });
  });

  test('that is taken away tells whoever has it', async () => {
    const lock = await tryLock(path, holder);
    if (lock === null) throw new Error('not locked');
    rmdirSync(path);
    await new Promise((resolve) => lock.lost.addEventListener('abort', resolve));
    await lock.release();
    expect(readdirSync(directory)).toEqual([]);
  });
});

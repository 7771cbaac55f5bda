import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureRuntimeDirectories } from '../../../../src/pool/directories.ts';
import { readOwnHolder } from '../../../../src/pool/holder.ts';
import { claimSlot, sweepSlots } from '../../../../src/pool/claims/id-slots.ts';
import { runtimePaths } from '../../../../src/pool/paths.ts';
import type { RuntimePaths } from '../../../../src/pool/paths.ts';

let directory: string;
let paths: RuntimePaths;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-slots-'));
  paths = runtimePaths(join(directory, 'run'));
  ensureRuntimeDirectories(paths, process.getuid?.() ?? 0);
});
afterEach(() => rmSync(directory, { recursive: true }));

const slotsModule = join(import.meta.dirname, '../../../../src/pool/claims/id-slots.ts');

async function claimInProcess(count: number, claims: number): Promise<number[]> {
  const program = `
    import { claimSlot } from ${JSON.stringify(slotsModule)};
    const slots = Array.from({ length: ${claims} }, () => claimSlot(${JSON.stringify(paths)}, ${count}).slot);
    console.log(JSON.stringify(slots));
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString()) as number[])));
}

let children: ReturnType<typeof spawn>[] = [];
async function killAll(): Promise<void> {
  const ended = children.map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
  children = [];
}
afterEach(killAll);

describe('id slots', () => {
  test('are each had by one run, and 0 by none', () => {
    const slots = [1, 2, 3].map(() => claimSlot(paths, 4));
    expect(slots.map(({ slot }) => slot).sort((left, right) => left - right)).toEqual([1, 2, 3]);
    expect(() => claimSlot(paths, 4)).toThrow('All 3 id ranges for sandboxes are in use.');
    slots[1]?.release();
    slots[1]?.release();
    expect(claimSlot(paths, 4).slot).toBe(slots[1]?.slot);
  });

  test.each([0, 1])('are refused where there are ids for %d', (count) => {
    expect(() => claimSlot(paths, count)).toThrow('All 0 id ranges for sandboxes are in use.');
  });

  test('are not had twice by processes that start at once, also before the table is made', async () => {
    const slots = (await Promise.all(Array.from({ length: 8 }, () => claimInProcess(41, 5)))).flat();
    expect(slots.sort((left, right) => left - right)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(() => claimSlot(paths, 41)).toThrow('All 40 id ranges for sandboxes are in use.');
  });

  test('of dead processes are taken over by a claim, and freed by a sweep', async () => {
    const [slot] = await claimInProcess(2, 1);
    expect(() => claimSlot(paths, 2)).toThrow('All 1 id ranges for sandboxes are in use.');
    await killAll();
    const own = claimSlot(paths, 2);
    expect(own.slot).toBe(slot);
    expect(sweepSlots(paths, readOwnHolder().bootId)).toBe(0);
    own.release();
    await claimInProcess(9, 8);
    await killAll();
    expect(sweepSlots(paths, readOwnHolder().bootId)).toBe(8);
  });
});

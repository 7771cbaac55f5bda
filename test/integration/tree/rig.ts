import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { make } from '../../rig/compile.ts';

/** isolate-tree with the address and undefined behaviour sanitizers. */
export async function buildTree(): Promise<string> {
  return join(await make('tree', ['asan']), 'isolate-tree-asan');
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs it to its end, which has to come. */
export function runTree(program: string, words: readonly string[], input: Uint8Array | string = ''): Ended {
  const { status, stdout, stderr } = spawnSync(program, words, { input, maxBuffer: 2 ** 30, timeout: 120_000 });
  return { status, stdout, stderr: stderr.toString() };
}

export function newDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `${name}-`));
}

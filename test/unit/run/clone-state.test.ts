import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readBootId } from '../../../src/pool/holder.ts';
import { claimCloneState } from '../../../src/run/clone-state.ts';

test('clones of directories are refused while some of another pid namespace are there', () => {
  const state = mkdtempSync(join(tmpdir(), 'isolate-overlay-'));
  const directory = join(state, 'overlay');
  const attempt = (): string => {
    writeFileSync(join(directory, 'pidns'), `pid:[1] ${readBootId()}\n`);
    try {
      claimCloneState(directory);
      return 'ours';
    } catch (error) {
      return (error as Error).message;
    }
  };
  try {
    claimCloneState(directory);
    mkdirSync(join(directory, 'root-0123456789abcdef', '1'), { recursive: true });
    claimCloneState(directory);
    const refused = attempt();
    rmdirSync(join(directory, 'root-0123456789abcdef', '1'));
    expect({ refused, attempt: attempt() }).toEqual({
      refused: `The state directory ${directory} belongs to another pid namespace, where it is in use.`,
      attempt: 'ours',
    });
  } finally {
    rmSync(state, { recursive: true });
  }
});

import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { isolate } from '../rig/isolate.ts';
import { useWay, ways } from '../rig/ways.ts';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);
const sum = (text: string): string => createHash('sha256').update(text).digest('hex');

describe.each(ways)('%s', (name) => {
  const way = useWay(name);

  /** The options of a run; only the chroot engine needs a root that may be written. */
  function options(engine: string): string[] {
    const root = engine === 'chroot' && name === 'node' ? ['-t', way.directory] : way.root;
    return ['-q', '-e', engine, ...root];
  }

  describe.each(['bwrap', 'lxc', 'chroot'])('with %s', (engine) => {
    test.each([1000, 9000, 100_000])('a command of %i words gets all of them', async (count) => {
      const words = numbers(count);
      const { status, stdout, stderr } = await isolate([...options(engine), 'echo', ...words]);
      expect({ status, stderr, digest: sum(stdout) }).toEqual({ status: 0, stderr: '', digest: sum(`${words.join(' ')}\n`) });
    });

    test('a command gets three thousand variables', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'variables-'));
      onTestFinished(() => rm(directory, { recursive: true }));
      await chmod(directory, 0o755);
      const lines = numbers(3000).map((number) => `VARIABLE_${number}=value of ${number}`);
      await writeFile(join(directory, 'env'), `${lines.join('\n')}\n`);
      const { status, stdout } = await isolate([...options(engine), '--env-file', join(directory, 'env'), 'env']);
      const found = stdout.split('\n').filter((line) => line.startsWith('VARIABLE_'));
      expect({ status, found: found.toSorted() }).toEqual({ status: 0, found: lines.toSorted() });
    });

    test('a variable may contain any character', async () => {
      const value = 'a\nlxc.hook.start = /bin/sh\r\t\u001B[0m"\u0085';
      const { stdout } = await isolate([...options(engine), '-v', `ODD=${value}`, 'sh', '-c', 'printf %s "$ODD"']);
      expect(stdout).toBe(value);
    });
  });
});

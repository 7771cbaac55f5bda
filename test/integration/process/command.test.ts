import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandResult, runCommand, withOwnSessions } from '../../../src/process/command.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-command-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function script(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return file;
}

test('captures output byte for byte, and any exit status is an answer', async () => {
  const file = await script('answer', 'printf "out\\n\\n"; printf "err" >&2; exit 3');
  expect(await runCommand({ file, args: [], timeoutMs: 10_000 })).toEqual({ stdout: 'out\n\n', stderr: 'err', exitCode: 3 });
});

test('passes arguments unchanged', async () => {
  const file = await script('arguments', 'printf "%s|" "$@"');
  const args = ['', 'a b', '$(id)', '"', "'", '\\', '*', '-n', '--', 'new\nline'];
  expect((await runCommand({ file, args, timeoutMs: 10_000 })).stdout).toBe(args.map((arg) => `${arg}|`).join(''));
});

test('gives a closed standard input, the root as directory and nothing of its own environment', async () => {
  process.env['ISOLATE_TEST_SECRET'] = 'secret';
  const file = await script('surroundings', 'cat; pwd; env | grep -v -e ^_= -e ^PWD= | sort');
  const { stdout } = await runCommand({ file, args: [], timeoutMs: 10_000, env: { EXTRA: 'x' } });
  delete process.env['ISOLATE_TEST_SECRET'];
  expect(stdout).toBe('/\nEXTRA=x\nLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n');
});

test('gives input to the command', async () => {
  expect((await runCommand({ file: '/bin/cat', args: [], timeoutMs: 10_000, input: 'return 1\n' })).stdout).toBe('return 1\n');
});

test('returns 128 plus the signal for a command that a signal ended', async () => {
  const file = await script('killed', 'kill -TERM $$');
  expect((await runCommand({ file, args: [], timeoutMs: 10_000 })).exitCode).toBe(143);
});

test('gives up a command after its time, even if it ignores signals and its children hold the pipes', async () => {
  const file = await script('stuck', 'trap "" TERM INT HUP; sleep 3000 & sleep 3000');
  await expect(runCommand({ file, args: ['clone'], timeoutMs: 200 })).rejects.toMatchObject({
    code: 'tool-timeout',
    message: `${file} clone did not end within 0.2 s.`,
  });
});

test('tells when a command that was given up is gone', async () => {
  const told = Promise.withResolvers<Promise<unknown>>();
  const command = { file: '/bin/sleep', args: ['30'], timeoutMs: 100, onGivenUp: told.resolve };
  await expect(runCommand(command)).rejects.toMatchObject({ code: 'tool-timeout' });
  expect(await told.promise).toMatchObject({ signal: 'SIGKILL' });
});

test.each([
  ['is not there', '/nonexistent/zfs'],
  ['is a directory', '/tmp'],
])('tells that a command %s', async (_name, file) => {
  await expect(runCommand({ file, args: [], timeoutMs: 10_000 })).rejects.toMatchObject({
    code: 'missing-tool',
    message: `${file} cannot be started.`,
  });
});

test('starts commands in sessions of their own where the signals of the terminal are handled, and otherwise in its own', async () => {
  const file = await script('session', 'read -r _ _ _ _ _ session _ < /proc/self/stat; test "$session" = "$$" && echo own || echo shared');
  const start = async (): Promise<string> => (await runCommand({ file, args: [], timeoutMs: 10_000 })).stdout;
  expect([await withOwnSessions(start), await start()]).toEqual(['own\n', 'shared\n']);
});

test('starts a command again that a signal to this session ended before it had its own', async () => {
  // As it looks from outside: the first start ends by the signal, and has done nothing.
  const file = await script('interrupted', '[ -e "$1" ] || { touch "$1"; kill -INT $$; }; echo done');
  const start = (name: string): Promise<CommandResult> => runCommand({ file, args: [join(directory, name)], timeoutMs: 10_000 });
  expect([await withOwnSessions(() => start('one')), await start('two')]).toEqual([
    { stdout: 'done\n', stderr: '', exitCode: 0 },
    { stdout: '', stderr: '', exitCode: 130 },
  ]);
});

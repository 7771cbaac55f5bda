import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';

import { commandLine } from '../../../src/cli/commands/serve.ts';
import { clientCaller } from '../../../src/daemon/client-caller.ts';
import type { Connection } from '../../../src/daemon/connection.ts';
import type { LeaseRequest } from '../../../src/daemon/lease.ts';
import type { RunServices } from '../../../src/daemon/client-root.ts';
import { handleRun } from '../../../src/daemon/run-session.ts';
import { IsolateError } from '../../../src/error.ts';
import { findOwnFiles } from '../../../src/host/own-files.ts';
import { decide } from '../../../src/run/decide.ts';
import type { Message } from '../../../src/wire/frame.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What a command line is answered with, and how often it was read. */
async function answerTo(argv: readonly string[]): Promise<{ sent: string[]; parsed: number }> {
  const sent: string[] = [];
  let parsed = 0;
  const connection = {
    peer: { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: 1, holder: null },
    closed: new AbortController().signal,
    send: (name: string) => void sent.push(name),
  } as unknown as Connection;
  const counted = { ...commandLine, parse: (words: readonly string[]) => ((parsed += 1), commandLine.parse(words)) };
  const message: Message = { name: 'run', items: argv.map((value) => ({ name: 'argument', value })) };
  const leases = { checkAccess: () => {} };
  await handleRun(connection, message, { commandLine: counted, leases, maintains: () => false } as unknown as RunServices);
  return { sent, parsed };
}

test.each([
  ['options', Array.from({ length: 30_000 }, () => '-q')],
  ['letters', [`-${'q'.repeat(100_000)}`]],
  ['words', ['-z', 'tank/t', '--', ...Array.from({ length: 30_000 }, () => 'word')]],
])('a command line of more %s than others can wait for is left to its caller unread', async (_what, argv) => {
  expect(await answerTo(argv)).toEqual({ sent: ['fallback'], parsed: 0 });
});

test('a usual one is read', async () => {
  expect(await answerTo(['-z', 'tank/t', '--', ...Array.from({ length: 1000 }, () => 'word')])).toMatchObject({
    sent: ['fallback'],
    parsed: 1,
  });
});

test('while a clone is waited for neither the message nor the answer of its client is kept', { timeout: 30_000 }, async () => {
  const gone: string[] = [];
  const registry = new FinalizationRegistry<string>((name) => gone.push(name));
  const message = (name: Message['name'], items: Message['items']): Message => {
    const made = { name, items };
    registry.register(made, name);
    return made;
  };
  const waits = Promise.withResolvers<readonly string[]>();
  const connection = {
    peer: { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: 1, holder: null },
    closed: new AbortController().signal,
    ask: async () => message('answer', [{ name: 'variable', value: 'A=told' }]),
  } as unknown as Connection;
  const lease = ({ command }: { command: readonly string[] }): Promise<never> => (waits.resolve(command), new Promise(() => {}));
  const services = { commandLine, maintains: () => true, leases: { lease, checkAccess: () => {} }, sandboxIds: () => null };
  const words = ['-q', '-z', 'tank/t', '-v', 'A', 'true', 'word'].map((value) => ({ name: 'argument' as const, value }));
  const run = handleRun(connection, message('run', [...words, { name: 'directory', value: '/' }]), services as unknown as RunServices);
  expect(await waits.promise).toEqual(['true', 'word']);
  await expect.poll(() => (collect(), gone.toSorted()), { timeout: 20_000 }).toEqual(['answer', 'run']);
  expect(run).toBeInstanceOf(Promise);
});

test.each([
  ['for its user', null, ['access tank/t bwrap', 'maintains tank/t', 'fallback']],
  ['not for its user', 'not-permitted', ['access tank/t bwrap', 'not-permitted']],
])('whether there is a template that is %s is asked after access alone', async (_what, code, expected) => {
  const log: string[] = [];
  const connection = {
    peer: { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: 1, holder: null },
    closed: new AbortController().signal,
    send: (name: string) => void log.push(name),
  } as unknown as Connection;
  const checkAccess = ({ template, engine }: { template: string; engine: string }): void => {
    log.push(`access ${template} ${engine}`);
    if (code !== null) throw new IsolateError('not-permitted', 'No.');
  };
  const maintains = (template: string): boolean => (log.push(`maintains ${template}`), false);
  const services = { commandLine, maintains, leases: { checkAccess } } as unknown as RunServices;
  const items = ['-z', 'tank/t', 'true'].map((value) => ({ name: 'argument' as const, value }));
  await handleRun(connection, { name: 'run', items }, services).catch((error: unknown) => log.push((error as IsolateError).code));
  expect(log).toEqual(expected);
});

test.each([
  [[], 4, ['isolate: waiting for a clone\n']],
  [[], 3, []],
  [['-q'], 4, []],
])('a run with %j and the terminals %i is told %j of a long wait', async (options, terminals, expected) => {
  const texts: unknown[] = [];
  const connection = {
    peer: { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: 1, holder: null },
    closed: new AbortController().signal,
    send: (name: string, items: Message['items']) => void (name === 'message' && texts.push(items[0]?.value)),
  } as unknown as Connection;
  const lease = async ({ onLongWait }: LeaseRequest): Promise<never> => {
    onLongWait?.('waiting for a clone');
    throw new IsolateError('no-free-clone', 'None.');
  };
  const services = { commandLine, maintains: () => true, leases: { lease, checkAccess: () => {} }, sandboxIds: () => null };
  const items: Message['items'] = [
    ...[...options, '-z', 'tank/t', 'true'].map((value) => ({ name: 'argument' as const, value })),
    { name: 'directory', value: '/' },
    { name: 'terminal', value: terminals },
  ];
  await expect(handleRun(connection, { name: 'run', items }, services as unknown as RunServices)).rejects.toThrow('None.');
  expect(texts).toEqual(expected);
});

test('no directory of a client’s PATH is looked into by the daemon', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-path-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'lxc-execute'), '', { mode: 0o755 });
  const told: Message = {
    name: 'run',
    items: [
      { name: 'directory', value: '/' },
      { name: 'variable', value: `PATH=${directory}` },
    ],
  };
  const connection = {
    peer: { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: 1, holder: null },
    ask: async () => ({ name: 'answer', items: [{ name: 'variable', value: `PATH=${directory}` }] }) as Message,
  };
  const request = { zfs: 'tank/t', command: ['true'], environment: ['PATH'] };
  const client = clientCaller(told, connection, { keyFiles: [], files: findOwnFiles() });
  const { facts, spec } = await decide(request, { ...client, sandboxIds: () => null });
  expect({ inside: spec.environment['PATH'], tools: Object.values(facts.tools).filter((tool) => tool?.startsWith(directory)) }).toEqual({
    inside: directory,
    tools: [],
  });
});

test('a client that has left for mounts of its own, or has ended, has the daemon read none of them', async () => {
  const told: Message = { name: 'run', items: [{ name: 'directory', value: '/' }] };
  const answer: Message = { name: 'answer', items: [{ name: 'real', value: '/srv' }] };
  // A number that no process has.
  const peer = { uid: 1000, gid: 1000, rights: 'user' as const, groups: [], pid: 2 ** 30, holder: null };
  const client = clientCaller(told, { peer, ask: async () => answer }, { keyFiles: [], files: findOwnFiles() });
  const { spec } = await decide({ template: '/srv', command: ['true'] }, client);
  expect(spec.root).toEqual({ kind: 'directory', path: '/srv', write: 'direct' });
});

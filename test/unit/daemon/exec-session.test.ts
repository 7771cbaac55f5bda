import { constants } from 'node:os';

import { expect, test } from 'vitest';

import type { ParsedExec } from '../../../src/daemon/command-line.ts';
import type { Connection } from '../../../src/daemon/connection.ts';
import { handleExec } from '../../../src/daemon/exec-session.ts';
import type { Peer } from '../../../src/daemon/peer.ts';
import { IsolateError } from '../../../src/error.ts';
import { readOwnHolder } from '../../../src/pool/holder.ts';
import { readOwnPidNamespace } from '../../../src/pool/pid-namespace.ts';
import { formatSession, type SessionRecord } from '../../../src/session/record.ts';
import type { RunStatus } from '../../../src/status/status.ts';
import type { Item } from '../../../src/wire/frame.ts';

const member: Peer = { uid: 1000, gid: 1000, rights: 'user', groups: [], pid: process.pid, holder: readOwnHolder() };
const { pid, startTime } = readOwnHolder();
const running: RunStatus = {
  runId: '00112233445566778899aabbccddeeff',
  pid,
  startTime,
  pidNamespace: readOwnPidNamespace() ?? '',
  uid: 1000,
  user: 'ada',
  engine: 'bwrap',
  template: 'tank/debian',
  clone: '7',
  command: ['sleep', '600'],
  startedMs: 0,
} as unknown as RunStatus;
const ownSession: SessionRecord = {
  uid: 1000,
  name: 'trial',
  root: { kind: 'directory', path: '/home/ada/debian', write: 'clone' },
  clone: { id: '7', guid: '8' },
  engine: 'bwrap',
  command: ['sh'],
  owners: null,
  source: 'first',
  createdMs: 1,
  usedMs: 2,
};
const kept = { uid: 1000, name: 'trial', root: { kind: 'volume', locator: 'tank/debian' }, clone: { id: '7' } } as unknown as SessionRecord;

interface Client {
  readonly peer?: Peer;
  readonly run?: string;
  readonly variables?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What is in the file of the session of this name in its own state. */
  readonly own?: string;
  readonly runs?: readonly RunStatus[];
  readonly session?: SessionRecord;
}

const voice: ParsedExec['voice'] = {
  lines: () => [],
  statusDescriptor: null,
  ignoredSignals: [],
  render: () => '',
  renderError: () => '',
  openLog: null,
};

/** What the daemon sends to a client, as text, and what it asked for. */
async function exec({ peer = member, run = running.runId, variables = [], environment = { HOME: '/home/ada' }, ...world }: Client) {
  const sent: [string, string][] = [];
  const asked: string[] = [];
  const answer = ({ name, value }: Item): Item => {
    asked.push(`${name} ${String(value)}`);
    const found = environment[String(value)];
    if (name === 'variable-name' && found !== undefined) return { name: 'variable', value: `${String(value)}=${found}` };
    if (name === 'read-path' && world.own !== undefined) return { name: 'file-content', value: Buffer.from(world.own) };
    return { name: 'missing', value: constants.errno.ENOENT };
  };
  const ask: Connection['ask'] = async (questions) => ({ name: 'answer', items: questions.map(answer) });
  const send: Connection['send'] = (name, items = []) =>
    void sent.push([name, items.map(({ value }) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value)).join()]);
  await handleExec(
    { peer, ask, send },
    {
      exec: { run, command: ['id', '-u'], variables, voice },
      queries: { read: async () => JSON.stringify({ runs: world.runs ?? [running] }) },
      sessions: { find: (_uid, name) => (name === world.session?.name ? world.session : null) },
    },
  );
  return { sent, asked };
}

const record = (text: string): [string, string] => ['launch', expect.stringContaining(text) as string];

test('a client gets the launch of a command in its run, by the whole id or the PID', async () => {
  const sent = [record(running.runId)];
  const file = expect.stringMatching(/^read-path \/home\/ada\/.*\/sessions\/1000\/00112233/) as string;
  expect(await exec({})).toEqual({ sent, asked: ['variable-name HOME', file] });
  expect((await exec({ run: String(pid) })).sent).toEqual(sent);
});

test('a client gets the launch of a command in the run that uses its session', async () => {
  expect((await exec({ run: 'trial', session: kept })).sent).toEqual([record(running.runId)]);
});

test('a file of its own that is no session of this name does not come before a session that the daemon keeps for it', async () => {
  for (const own of ['', formatSession({ ...ownSession, name: 'other' }), formatSession({ ...ownSession, uid: 1001 })]) {
    expect((await exec({ run: 'trial', session: kept, own })).sent).toEqual([record(running.runId)]);
  }
});

test('variables without a value take that of the client', async () => {
  const environment = { COLOUR: 'red', HOME: '/home/ada' };
  const { sent, asked } = await exec({ variables: ['COLOUR', 'SIZE=5', 'MISSING'], environment });
  expect(sent).toEqual([record('COLOUR=red')]);
  expect(sent[0]?.[1]).toContain('SIZE=5');
  expect(asked.slice(0, 3)).toEqual(['variable-name COLOUR', 'variable-name MISSING', 'variable-name HOME']);
});

test.each<[string, Client]>([
  ['names only the beginning of an id', { run: running.runId.slice(0, 8) }],
  ['keeps a session of this name by itself', { run: 'trial', session: kept, own: formatSession(ownSession) }],
  ["names another user's run", { runs: [{ ...running, uid: 1001 }] }],
  ['names a session that no run uses', { run: 'trial', session: kept, runs: [{ ...running, clone: '8' }] }],
  [
    "names a session whose clone's number is that of another template's",
    { run: 'trial', session: kept, runs: [{ ...running, template: 'tank/other' }] },
  ],
  ['has a home that only it knows', { environment: {} }],
  ['has a variable with a name of any length', { variables: ['A'.repeat(300)] }],
  ['sees other processes', { peer: { ...member, holder: null } }],
  ['names a run in a container', { runs: [{ ...running, pidNamespace: 'pid:[1]' }] }],
  ['gives a variable that cannot be', { variables: ['A B=1'] }],
])('a client that %s is left to the program in Node', async (_why, client) => {
  expect((await exec(client)).sent).toEqual([['fallback', '']]);
});

test('a client that ends is sent nothing', async () => {
  const gone = new IsolateError('aborted', 'The client has ended.');
  const sent: string[] = [];
  const connection = { peer: member, send: (name: string) => void sent.push(name), ask: () => Promise.reject(gone) };
  const services = { queries: { read: async () => '{}' }, sessions: { find: () => null } };
  await expect(handleExec(connection, { ...services, exec: { run: '1', command: ['id'], variables: [], voice } })).rejects.toBe(gone);
  expect(sent).toEqual([]);
});

import { planExec } from '../engine/exec.ts';
import { IsolateError } from '../error.ts';
import { encodeLaunchRecord } from '../launch/record.ts';
import { isAlive } from '../pool/holder.ts';
import { parseVariables } from '../spec/parse-environment.ts';
import { findWholeRun, usesSession } from '../status/find-run.ts';
import { holderOf } from '../status/run-holder.ts';
import type { RunsDocument, RunStatus } from '../status/status.ts';
import { askClient } from './ask-client.ts';
import { askForSession } from './client-session.ts';
import { reportOf } from './client-voice.ts';
import type { ParsedExec } from './command-line.ts';
import type { Connection } from './connection.ts';
import { type Peer, sameMountNamespace } from './peer.ts';
import type { Queries } from './query.ts';
import type { Sessions } from './sessions.ts';

/** What is needed to answer a client that executes a command in a run. */
export interface ExecServices {
  readonly exec: ParsedExec;
  readonly queries: Pick<Queries, 'read'>;
  readonly sessions: Pick<Sessions, 'find'>;
}

type Client = Pick<Connection, 'peer' | 'send' | 'ask'>;

/**
 * Answers a `run` whose command line has the verb `exec`, with the launch of the command. Sends `fallback` for whatever is wrong, and for
 * runs and sessions that the daemon does not know.
 */
export async function handleExec(connection: Client, { exec, queries, sessions }: ExecServices): Promise<void> {
  const { command, voice } = exec;
  const launch = await planClientExec(connection, exec, { queries, sessions }).catch((error: unknown) => {
    if (error instanceof IsolateError && error.code !== 'aborted') return null;
    throw error;
  });
  if (launch === null) return connection.send('fallback');
  // A client that cannot write to it leaves the command to Node.
  if (voice.statusDescriptor !== null) await connection.ask([{ name: 'descriptor', value: voice.statusDescriptor }]);
  const report = reportOf(voice.lines(command), voice.ignoredSignals);
  if (report.length > 0) connection.send('report', report);
  connection.send('launch', [{ name: 'record', value: encodeLaunchRecord(launch, { supervised: false }) }]);
}

/** Null: the program in Node has to find the run. Throws what is wrong, which that program finds too and reports. */
async function planClientExec(
  { peer, ask }: Client,
  { run: word, command, variables }: ParsedExec,
  services: Omit<ExecServices, 'exec'>,
): ReturnType<typeof planLaunch> {
  // Its PIDs are ours, and so is what a name leads to.
  if (peer.holder === null || (peer.rights === 'root' && !sameMountNamespace(peer))) return null;
  const inherited = variables.filter((text) => !/[=:]/.test(text));
  if (!inherited.every(isName)) return null;
  const told = await askClient({ variables: inherited }, ask);
  const environment = parseVariables(variables, Object.fromEntries(told.variables));
  if ((await askForSession(word, peer, ask)) !== null) return null;
  const run = await findRunOf(word, peer, services);
  return run === null ? null : planLaunch(run, { command, environment });
}

async function planLaunch(run: RunStatus, request: Parameters<typeof planExec>[1]): Promise<ReturnType<typeof planExec> | null> {
  const holder = holderOf(run, 'exec');
  // The answer is a moment old.
  if (!isAlive(holder, holder.bootId)) return null;
  const { pid, startTime } = holder;
  return planExec({ engine: run.engine, run: run.runId, holder: { pid, startTime } }, request);
}

function isName(text: string): boolean {
  return /^[^\s/\p{Cc}]{1,255}$/u.test(text);
}

/** The beginning of an id may also be that of a run on a directory, of which the daemon does not know. */
async function findRunOf(word: string, peer: Peer, { queries, sessions }: Omit<ExecServices, 'exec'>): Promise<RunStatus | null> {
  const { uid } = peer;
  const session = sessions.find(uid, word);
  const { runs } = JSON.parse(await queries.read('ps', peer)) as RunsDocument;
  const own = runs.filter((run) => run.uid === uid);
  const inSession = session === null ? undefined : own.find((run) => usesSession(run, session));
  return inSession ?? findWholeRun(own, word) ?? null;
}

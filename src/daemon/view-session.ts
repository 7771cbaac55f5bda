import { constants } from 'node:os';

import { IsolateError } from '../error.ts';
import { readText } from '../host/read-text.ts';
import { parseClaimName } from '../pool/claims/runs.ts';
import { isAlive, readBootId } from '../pool/holder.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { templatesBesides } from '../status/local-pools.ts';
import type { RunsDocument, StatusDocument } from '../status/status.ts';
import { placesOfUser, placesOfUsers } from '../status/user-runs.ts';
import { type Item, type Message, values } from '../wire/frame.ts';
import type { View } from './command-line.ts';
import type { Connection } from './connection.ts';
import { type Peer, sameMountNamespace } from './peer.ts';
import type { Queries } from './query.ts';

/** What is needed to answer a client that asks for a view. */
export interface ViewServices {
  readonly view: View;
  readonly queries: Pick<Queries, 'read'>;
  readonly runtime: RuntimePaths;
}

type Client = Pick<Connection, 'peer' | 'send' | 'ask'>;

/**
 * Answers a `run` whose command line only shows something, with the text that the program in Node would print. Sends `fallback` for
 * errors and for what the daemon does not know.
 */
export async function handleView(connection: Client, message: Message, { view, queries, runtime }: ViewServices): Promise<void> {
  const { peer } = connection;
  const [width = null] = values(message, 'columns');
  const source: Parameters<View>[0] = {
    status: async () => {
      await askVariables(connection, []);
      const document = JSON.parse(await queries.read('status', peer)) as StatusDocument;
      const shown = new Set(document.pools.map(({ template }) => template));
      if (peer.rights === 'root' && templatesBesides(runtime, shown).length > 0) throw leftToNode();
      return document;
    },
    runs: async () => {
      if (await hasRunsBesides(connection)) throw leftToNode();
      return JSON.parse(await queries.read('ps', peer)) as RunsDocument;
    },
  };
  try {
    if (!seesTheSame(peer)) throw leftToNode();
    connection.send('print', [{ name: 'text', value: await view(source, { rights: peer.rights, width }) }]);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code === 'aborted') throw error;
    connection.send('fallback');
  }
}

/** Root's program also looks at its own state, and every user's at processes. */
function seesTheSame(peer: Peer): boolean {
  return peer.holder !== null && (peer.rights === 'user' || sameMountNamespace(peer));
}

function leftToNode(): IsolateError {
  return new IsolateError('daemon-failed', 'The daemon does not know all that is asked for.');
}

/** Bytes of the names that are looked at while nobody else is served: those of some 150 runs. */
const mostNames = 8192;
/** Why there is no list of runs. */
const nothingThere: ReadonlySet<number> = new Set([
  constants.errno.ENOENT,
  constants.errno.ENOTDIR,
  constants.errno.EACCES,
  constants.errno.ELOOP,
]);

/** Whether there may be runs on directories that the client should see: its own, or for root those of all users. */
async function hasRunsBesides(connection: Client): Promise<boolean> {
  const { uid, rights } = connection.peer;
  const own = await askVariables(connection, rights === 'root' ? [] : ['XDG_RUNTIME_DIR', 'HOME']);
  const passwd = readText('/etc/passwd') ?? '';
  const places = rights === 'root' ? placesOfUsers(passwd) : placesOfUser(uid, own, passwd);
  const { items } = await connection.ask(places.map(({ runs }): Item => ({ name: 'list-path', value: runs })));
  if (items.some(({ name, value }) => name === 'missing' && !nothingThere.has(Number(value)))) return true;
  const lists = items.flatMap(({ value }) => (value instanceof Uint8Array ? [value] : []));
  if (lists.reduce((sum, { length }) => sum + length, 0) > mostNames) return true;
  const bootId = readBootId();
  return lists.some((list) =>
    new TextDecoder()
      .decode(list)
      .split('\0')
      .some((name) => {
        const claim = parseClaimName(name);
        return claim !== null && isAlive(claim.holder, bootId);
      }),
  );
}

/** The client's variables that are set. Throws if they ask for times in another time zone than ours. */
async function askVariables(connection: Client, names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const message = await connection.ask(['TZ', ...names].map((value): Item => ({ name: 'variable-name', value })));
  const variables = Object.fromEntries(
    values(message, 'variable').map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  );
  if ((variables['TZ'] ?? '') !== (callerEnvironment()['TZ'] ?? '')) throw leftToNode();
  return variables;
}

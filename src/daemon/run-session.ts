import { engines } from '../engine/registry.ts';
import { readlinkSync } from 'node:fs';

import { live } from '../run/lifecycle.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { type Message, values } from '../wire/frame.ts';
import { clientCaller } from './client-caller.ts';
import { clientSettings } from './client-settings.ts';
import { cloneRoot } from './client-clone.ts';
import { directoryRoot } from './client-directory.ts';
import { leftToNode, type RunServices } from './client-root.ts';
import { clientWay } from './client-way.ts';
import { isLong, type ParsedRun } from './command-line.ts';
import type { Connection } from './connection.ts';
import { type Peer, sameMountNamespace } from './peer.ts';

/**
 * Answers a `run`: decides for the client, leases a clone and sends the launch, or `fallback` if the program in Node has to do it.
 * Nothing is leased before it is certain that the run is possible; what was leased is given back when the connection ends. Settles when
 * the client has its answer. While the run waits for a clone, nothing keeps the message in memory.
 */
export function handleRun(connection: Connection, message: Message, services: RunServices): Promise<void> {
  return startRun(connection, message, services).then((run) => (run === null ? connection.send('fallback') : awaitAnswer(connection, run)));
}

interface Started {
  /** The client has its launch. */
  readonly sent: Promise<void>;
  readonly ended: Promise<unknown>;
}

async function awaitAnswer({ send }: Connection, { sent, ended }: Started): Promise<void> {
  try {
    await Promise.race([sent, ended]);
  } catch (error) {
    if (error !== leftToNode) throw error;
    send('fallback');
  }
}

/** A bit of `terminal`. */
const standardError = 4;

async function startRun(connection: Connection, message: Message, services: RunServices): Promise<Started | null> {
  const parsed = await parseRun(connection, message, services);
  if (parsed === null) return null;
  const { request, voice, notices } = parsed;
  const [terminals = 0] = values(message, 'terminal');
  const caller = { ...clientCaller(message, connection, services.host), sandboxIds: services.sandboxIds };
  const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
  const client = { connection, voice, notices, isWatched: (terminals & standardError) !== 0, onSent };
  const ended =
    request.template === undefined
      ? live(request, clientWay(client, caller, cloneRoot(connection, services)))
      : live(request, clientWay(client, caller, directoryRoot(connection, services)));
  return { sent, ended };
}

/**
 * Null: not for us. Whether the client may use the template is settled before anything else about it is looked at, so that the
 * answer tells nothing more.
 */
async function parseRun(connection: Connection, message: Message, services: RunServices): Promise<ParsedRun | null> {
  const { peer, send } = connection;
  const { commandLine, leases, maintains } = services;
  const words = values(message, 'argument');
  if (isLong(words)) return null;
  const parsed = commandLine.parse(words) ?? (await commandLine.settle(words, clientSettings(message, connection, services)));
  if (parsed === null || !parsed.carriedByLauncher || isLong(Object.values(parsed.request).flat().map(String))) return null;
  const { zfs, template, engine = engines[0].name } = parsed.request;
  const isDirectory = zfs === undefined;
  if (isDirectory ? template === undefined || peer.holder === null || !seesOurPaths(peer) : template !== undefined || !isDataset(zfs))
    return null;
  const { voice } = parsed;
  // A client that cannot write to it leaves the run to Node.
  if (voice.statusDescriptor !== null) await connection.ask([{ name: 'descriptor', value: voice.statusDescriptor }]);
  connection.voice = voice;
  if (isDirectory) return parsed;
  // Root may use every template, even if the settings are invalid.
  if (peer.rights === 'user') leases.checkAccess({ peer, template: zfs, engine });
  if (!maintains(zfs)) return null;
  if (peer.rights === 'user' || seesOurPaths(peer)) return parsed;
  send('message', [{ name: 'text', value: voice.render({ kind: 'warning', message: otherMounts }, false) }]);
  return null;
}

const otherMounts = 'The daemon is in another mount namespace, so this run bypasses it; isolate doctor says more.';

function isDataset(text: string): boolean {
  try {
    parseDataset(text);
    return true;
  } catch {
    return false;
  }
}

/** The client's paths mean the same to the daemon. */
function seesOurPaths(peer: Peer): boolean {
  try {
    return sameMountNamespace(peer) && readlinkSync(`/proc/${peer.pid}/root`) === '/';
  } catch {
    return false;
  }
}

import { constants } from 'node:os';

import { IsolateError } from '../error.ts';
import { logEvent } from '../log.ts';
import type { HolderId } from '../pool/holder.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';
import { describeRun } from '../run/describe-run.ts';
import { lastRun } from '../run/keep-root.ts';
import { lookIntoRoot, mountpointsOf, type RootView, treeOf } from '../run/look-into-root.ts';
import type { Prepared } from '../run/prepared.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import { isThrownAway } from '../spec/root-ref.ts';
import { parseTemplateRecord, type TemplateDefaults, templateRecordPath } from '../spec/template-record.ts';
import { ownershipOf } from '../storage/directory.ts';
import { askClient, type ClientQuestions, type Told } from './ask-client.ts';
import { claimRunFor } from './claim-run.ts';
import { planLayers } from './client-layers.ts';
import { planSession } from './client-session.ts';
import { checkNotNested, type ClientLease, type ClientRoot, leftToNode, placeFor, type RunServices } from './client-root.ts';
import type { Connection } from './connection.ts';
import { type Held, holdFor } from './held.ts';
import type { Peer } from './peer.ts';
import { shortenCommand } from '../spec/shorten-command.ts';

/** What a client holds while it runs on a directory. */
export interface DirectoryLease extends ClientLease {
  /** Id of the clone; null: it runs on the directory itself. */
  readonly id: string | null;
  readonly holder: HolderId;
  /** Where the paths lead that the run needs to know of. */
  readonly places: Told['places'];
  /** The defaults of the template of which the run needs to know. */
  readonly defaults: TemplateDefaults;
}

/**
 * A directory on which the client may run, or the client's own layers over one. The daemon looks at nothing in it: the client says what
 * is there.
 */
export function directoryRoot(connection: Connection, services: RunServices): ClientRoot<DirectoryLease> {
  const { peer, closed: signal } = connection;
  const { holder } = peer;
  let held: Held | null = null;
  const takeRoot = async (prepared: Prepared): Promise<DirectoryLease> => {
    const { root } = prepared.spec;
    // Only layers can be planned without looking at the directory.
    if (root.kind !== 'directory' || holder === null || (root.storage ?? 'overlay') !== 'overlay') throw leftToNode;
    const countOff = services.countRun(peer.uid);
    if (countOff === null) throw leftToNode;
    held = holdFor({ signal, warn: (message) => logEvent('warn', { event: 'state', template: root.path }, message) });
    held.defer(countOff);
    checkEntered(peer, prepared.spec.workingDirectory);
    const tree = treeQuestion(prepared, root.path);
    if (root.write === 'clone') {
      const { session } = root;
      const client = { peer, ask: connection.ask, holder, paths: services.paths };
      const { id, part, files, told } =
        session === undefined
          ? await planLayers(root, tree, client)
          : await planSession({ ...root, write: 'clone', session }, lastRun(prepared.spec), tree, client);
      return { ...held, id, rootfs: rootfsOf(part), files, holder, ...(await learn(prepared, root.path, told, connection)) };
    }
    const told = await askClient({ paths: [root.path], tree }, connection.ask);
    const facts = told.paths.get(root.path);
    if (facts?.kind !== 'directory') throw leftToNode;
    const rootfs = rootfsOf({ kind: 'tree', source: root.path, ownership: ownershipOf(facts), idmappable: facts.idmappable });
    return { ...held, id: null, rootfs, holder, ...(await learn(prepared, root.path, told, connection)) };
  };
  return {
    lease: (prepared) => takeRoot(prepared).catch(leaveToNode),
    look: async (lease, prepared) => {
      const { spec } = prepared;
      const view = viewOf(prepared, lease);
      // Only the user's own process can tell whether it may make targets there.
      if (peer.rights === 'user' && !isThrownAway(spec.root) && lacksAny(view)) throw leftToNode;
      checkNotNested(spec, view);
      return view;
    },
    place: async (lease, { spec, facts }) => {
      const { id, rootfs, holder: own } = lease;
      const description = { ...describeRun(spec, id, peer.uid, Date.now()), command: shortenCommand(spec.command) };
      const run = claimRunFor(own, services.paths, description);
      lease.defer((runsOn) => runsOn || run.remove());
      return placeFor(services, { facts, rootfs, runId: run.runId, holder: own }, lease);
    },
    release: (outcome) => held?.release(outcome),
  };
}

/** What goes wrong here does not go wrong there, or is told there. */
function leaveToNode(error: unknown): never {
  throw error instanceof IsolateError && error.code !== 'aborted' ? leftToNode : error;
}

/** What is in the tree: `told` when the client was asked, and what only the template's defaults let ask. */
async function learn(
  { spec: { workingDirectory } }: Prepared,
  path: string,
  { places, inTree }: Told,
  { peer, ask }: Pick<Connection, 'peer' | 'ask'>,
): Promise<Pick<DirectoryLease, 'places' | 'defaults'>> {
  const { workingDirectory: own, ...defaults } = parseDefaults(inTree, path);
  if (own === undefined || workingDirectory !== undefined) return { places, defaults };
  const directory = checkEntered(peer, own);
  const more = directory === '/' ? new Map<string, never>() : (await askClient({ tree: { path, places: [directory] } }, ask)).places;
  return { places: new Map([...places, ...more]), defaults: { ...defaults, workingDirectory: directory } };
}

/** Only the user's own process can tell whether it may enter a directory there. Throws `leftToNode`. */
function checkEntered({ rights }: Peer, directory = '/'): string {
  if (rights === 'user' && directory !== '/') throw leftToNode;
  return directory;
}

const absent: ReadonlySet<unknown> = new Set([constants.errno.ENOENT, constants.errno.ENOTDIR]);

/** The program in Node says what is wrong with a record. */
function parseDefaults(inTree: Told['inTree'], path: string): TemplateDefaults {
  if (absent.has(inTree)) return {};
  try {
    if (typeof inTree === 'string') return parseTemplateRecord(inTree, path).defaults;
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
  }
  throw leftToNode;
}

/** What is asked of the tree: of an overlay, where nothing has been changed yet, the files are those of the directory. */
function treeQuestion({ spec, engine: { capabilities } }: Prepared, path: string): NonNullable<ClientQuestions['tree']> {
  const places = [...new Set([...mountpointsOf(capabilities), ...targetsToLookAt(spec, capabilities)])];
  return { path, places, file: templateRecordPath };
}

function viewOf({ spec, engine: { capabilities } }: Prepared, { rootfs, places, defaults }: DirectoryLease): RootView {
  return lookIntoRoot(treeOf(spec, rootfs), targetsToLookAt(spec, capabilities), defaults, capabilities, (target, hidden) => {
    if (isWithin(target, hidden)) return { path: target, kind: 'hidden' };
    const found = places.get(target);
    if (found === undefined || isWithin(found.path, hidden)) throw leftToNode;
    return found;
  });
}

/** This is certain only for paths without links. */
function isWithin(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`));
}

function lacksAny({ mountpoints, targets }: RootView): boolean {
  return mountpoints.missing.length > 0 || targets.some((found) => 'kind' in found && found.kind === 'missing');
}

import { basename } from 'node:path';

import { readSandboxIds } from '../config/ids.ts';
import { checkCapabilities, checkSources } from '../engine/check-capabilities.ts';
import type { Engine, Problem } from '../engine/engine.ts';
import { bindKind } from '../engine/placed-bind.ts';
import { engines, findEngine } from '../engine/registry.ts';
import { IsolateError } from '../error.ts';
import type { Facts, PathFacts } from '../host/facts.ts';
import { probeCaller } from '../host/probe.ts';
import { findWaysIn, letsOthersIn } from '../host/reachable.ts';
import type { MountEntry } from '../host/mountinfo.ts';
import { mountsOnce } from '../host/mounts-once.ts';
import { describeSource, disksOf, nameServers } from '../spec/bind.ts';
import type { RunRequest } from '../spec/request.ts';
import { completeRequest } from '../spec/options/table.ts';
import { resolveSpec } from '../spec/resolve-spec.ts';
import { isOverlaid, isThrownAway, type RootRef } from '../spec/root-ref.ts';
import type { WantedSpec } from '../spec/spec.ts';
import type { Prepared } from './prepared.ts';
import { type Answers, ownCaller, questionsOf, type RunCaller } from './run-caller.ts';
import { rightsOf } from '../host/rights.ts';

/**
 * Decides whether and how a request of `caller` can run on this host. Throws the first reason why it cannot; the others are its cause.
 */
export async function decide(request: RunRequest, caller: RunCaller = ownCaller()): Promise<Prepared> {
  const { uid, gid, cwd, searchPath, cgroupFile, privileges } = caller;
  const engine = findEngine(request.engine);
  const mounts = mountsOnce();
  const { environment, readFile, probePath, findDirectory } = await caller.ask(() => questionsOf(request, engine, cwd));
  const asked = completeRequest(request, environment, { name: engine.name, variables: engine.capabilities.variables });
  const wanted = resolveSpec(asked, { environment, cwd, readFile });
  refuse(checkCapabilities(asked, engine, engines));
  const root = await settleRoot(wanted.root, findDirectory, caller);
  const machine = await machineFacts(engine, wanted, caller);
  const spec = withModules({ ...withNameServers(wanted, engine, probePath), root }, machine);
  // Other users' sandboxes have the user's own ids.
  const sandboxIds = rightsOf(uid) === 'root' ? await (caller.sandboxIds ?? readSandboxIds)() : null;
  const cgroups = { of: cgroupFile, everywhere: engine.capabilities.nests && cgroupFile !== null };
  const callerFacts = await probeCaller({
    spec,
    environment,
    searchPath,
    uid,
    gid,
    sandboxIds,
    cgroups,
    ...(privileges === undefined ? {} : { privileges }),
    mounts,
    probePath,
  });
  const facts = { ...caller.host, ...callerFacts, ...machine };
  refuse([
    ...(await checkRoot(spec, engine, facts, caller, mounts)),
    ...checkBinds(spec, facts),
    ...checkSources(spec.binds, engine, engines),
    ...checkHooks(spec, facts),
    ...engine.check(spec, facts),
  ]);
  return { spec, engine, facts };
}

/** Loaded and asked only for an engine with a kernel of its own. */
async function machineFacts(
  { capabilities }: Engine,
  { acceleration, kernel }: WantedSpec,
  { host, uid, searchPath, kernelCache: cache }: RunCaller,
): Promise<Pick<Facts, 'machine'>> {
  if (capabilities.kernel !== 'own') return {};
  if (kernel !== undefined && cache === undefined) {
    // The daemon reads no files of its clients: their own programs do that.
    throw new IsolateError('unsupported-option', 'The daemon prepares no kernel.');
  }
  const { findMachineFacts } = await import('./machine-facts.ts');
  const wish = {
    ...(acceleration === undefined ? {} : { acceleration }),
    ...(kernel === undefined || cache === undefined ? {} : { chosen: { kernel, cache: cache() } }),
  };
  return { machine: await findMachineFacts({ files: host.files, rights: rightsOf(uid), searchPath, ...wish }) };
}

/** So that the directory that is checked is the one that is used. Throws why its clone cannot be made as requested. */
async function settleRoot(root: RootRef, findDirectory: Answers['findDirectory'], { chooseStorage }: RunCaller): Promise<RootRef> {
  if (root.kind === 'volume') return root;
  const path = findDirectory(root.path);
  if (root.write === 'direct' || root.session !== undefined || chooseStorage === undefined) return { ...root, path };
  const storage = await chooseStorage(path, root.storage);
  return { ...root, path, ...(storage === 'overlay' ? {} : { storage }) };
}

function refuse(problems: readonly Problem[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  const cause =
    others.length === 0
      ? undefined
      : new AggregateError(
          others.map((other) => new Error(other.message)),
          others.map((other) => other.message).join(' '),
        );
  throw new IsolateError(first.code, first.message, { ...(first.hint === undefined ? {} : { hint: first.hint }), cause });
}

/** The host's network is of little use without the host's name servers. */
function withNameServers(spec: WantedSpec, { capabilities }: Engine, probePath: Answers['probePath']): WantedSpec {
  const isShared = spec.shareNetwork || capabilities.network === 'always-shared';
  if (!isShared || spec.binds.some((bind) => bind.target === nameServers) || probePath(nameServers) === null) return spec;
  return { ...spec, binds: [...spec.binds, { source: nameServers, target: nameServers, readOnly: true, optional: true }] };
}

/** Programs find the modules of the kernel where modprobe(8) looks for them; a root whose changes stay is left as it is. */
function withModules(spec: WantedSpec, { machine }: Pick<Facts, 'machine'>): WantedSpec {
  const source = machine?.boot?.modules;
  const stays = !isThrownAway(spec.root) || spec.keep !== undefined || spec.root.session !== undefined;
  if (source === undefined || (stays && !spec.readOnlyRoot)) return spec;
  const target = `/lib/modules/${basename(source)}`;
  if (spec.binds.some((bind) => bind.target === target)) return spec;
  return { ...spec, binds: [...spec.binds, { source, target, readOnly: true, optional: true }] };
}

async function checkRoot(
  spec: WantedSpec,
  engine: Engine,
  facts: Facts,
  caller: RunCaller,
  mounts: () => readonly MountEntry[],
): Promise<Problem[]> {
  if (spec.root.kind === 'volume') return facts.user.rights === 'root' ? [] : checkHandedOver(spec);
  const { path, write } = spec.root;
  const [mount] = facts.mountsBelow;
  if (facts.user.rights !== 'root' && isOverlaid(spec.root) && mount !== undefined) return [overMounts(path, mount)];
  // A local user could run, as the host's root, a set-uid program that the sandbox's root leaves in a tree with natural owners.
  if (facts.user.rights !== 'root' || write === 'clone' || spec.readOnlyRoot || !engine.capabilities.isolates) return [];
  const ways = findWaysIn(path, mounts());
  const { probePath } = await caller.ask(() => ({ paths: [...new Set(ways.flat())], files: [], variables: [] }));
  if (!ways.some((way) => letsOthersIn(way, probePath))) return [];
  return [
    {
      code: 'cannot-enforce',
      message: `Refused: other users of this host can reach ${path}, so they could run a set-uid program that the sandbox leaves there as root.`,
      hint: `chmod 0700 a directory above it, mount it nosuid, or use --ephemeral, --read-only or, for maintenance, -e chroot`,
    },
  ];
}

/** A user namespace may not uncover what is below mounts that are older than it (mount_namespaces(7)). */
function overMounts(path: string, mount: string): Problem {
  return {
    code: 'cannot-enforce',
    message: `Something is mounted at ${mount}, so only root can lay a throw-away overlay over ${path}.`,
    hint: `as root: umount ${mount}; or use --storage dir on xfs or btrfs`,
  };
}

/** What cannot be combined with a clone whose ids the daemon chooses. */
function checkHandedOver({ uidBase, gidBase }: WantedSpec): Problem[] {
  if (uidBase === undefined && gidBase === undefined) return [];
  return [
    {
      code: 'unsupported-option',
      message: `${uidBase === undefined ? '--gid-base' : '--uid-base'} cannot be used with a clone from the daemon, which maps your own id to 0 and your subordinate ids after it.`,
      hint: 'leave it out, or use -t DIR',
    },
  ];
}

/** For a hook, layers are merged by a mount on the host. */
function checkHooks({ root, hooks }: WantedSpec, { user }: Facts): Problem[] {
  if (user.rights === 'root' || !isOverlaid(root) || Object.keys(hooks).length === 0) return [];
  return [{ code: 'not-permitted', message: 'Hooks of a run with --ephemeral need root.', hint: 'leave --ephemeral or the hooks out' }];
}

function checkBinds(spec: WantedSpec, facts: Facts): Problem[] {
  return spec.binds
    .filter((bind) => bindKind(bind, facts) === null)
    .map((bind): Problem => ({ code: 'bad-bind', message: `The bind source ${describeSource(bind)} does not exist or cannot be read.` }))
    .concat(disksOf(spec).flatMap(({ file }) => checkImage(file, facts.paths[file]?.kind ?? null)));
}

function checkImage(file: string, kind: PathFacts['kind'] | null): Problem[] {
  if (kind === 'file') return [];
  const why = kind === null ? 'does not exist or cannot be read' : `is not a file but a ${kind}`;
  return [{ code: 'bad-bind', message: `The image ${file} ${why}.` }];
}

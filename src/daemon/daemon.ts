import { templateCount } from '../config/config.ts';
import { limitsOf } from '../config/config.ts';
import type { ConfigSource } from '../config/source.ts';
import { logEvent } from '../log.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { probeCgroupsBeside, probeHost } from '../host/probe.ts';
import { readBootId } from '../pool/holder.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import type { Pool } from '../pool/pool.ts';
import type { Shelf } from '../pool/shelf.ts';
import { countMaking } from '../pool/lease/make-clones.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { rightsOf } from '../host/rights.ts';
import type { SessionIndex } from '../session/index-files.ts';
import { createHostStatus } from '../status/status.ts';
import { values } from '../wire/frame.ts';
import { type Caller, maySee } from './access.ts';
import { systemAccounts } from './accounts.ts';
import { type Adoption, adoptLeases } from './adopt.ts';
import { createAudit } from './audit.ts';
import { type BrokerEvents, startBroker } from './broker.ts';
import { serveClients } from './clients.ts';
import { type CommandLine, isLong } from './command-line.ts';
import type { Handlers } from './connection.ts';
import { readOutcome } from './ended.ts';
import { describeRefusal } from './refusal.ts';
import { createHeldBack } from './held-back.ts';
import { handleSession } from './answer-session.ts';
import { handleJoin, handleLease, handleMount } from './lease-session.ts';
import type { LeaseWatch } from './lease.ts';
import { createLeases, type Leases } from './leases.ts';
import { createMetrics, type Metrics, type PoolLevels } from './metrics.ts';
import { maintainPools, type MaintainedPool, type Pools } from './pools.ts';
import { createQueries } from './query.ts';
import { hostDefaults } from '../config/runs/host-defaults.ts';
import { createQuotas } from './quota.ts';
import { renderMetricsResponse } from './render-metrics.ts';
import { createRules } from './rules.ts';
import { createRunGroups, type RunGroups } from './run-groups.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { handleRun } from './run-session.ts';
import { tellServiceManager } from './service-manager.ts';
import { handleExec } from './exec-session.ts';
import { handleView } from './view-session.ts';

export interface DaemonOptions {
  readonly config: Pick<ConfigSource, 'current' | 'hasHeld' | 'problem'>;
  readonly commandLine: CommandLine;
  readonly runtime: RuntimePaths;
  readonly shelf: Shelf;
  readonly sessions: SessionIndex;
  /** isolate-gate and its arguments for the broker. */
  readonly gate: { readonly file: string; readonly args: readonly string[] };
  readonly openPool: (template: string, warn: (message: string) => void) => Promise<Pool>;
  readonly signal: AbortSignal;
}

export interface Daemon {
  readonly pools: Pools;
  /** Settles when `signal` has been aborted and all work is finished. */
  readonly done: Promise<void>;
}

/** Puts the parts together and starts them. */
export function startDaemon(options: DaemonOptions): Daemon {
  const { config, commandLine, runtime, shelf, gate, openPool, signal } = options;
  const warn = (message: string): void => logEvent('warn', { event: 'state' }, message);
  const metrics = createMetrics();
  const quotas = createQuotas();
  const audit = createAudit({ metrics, userName: systemAccounts.userName });
  const heldBack = createHeldBack(quotas.adopt, runtime);
  const onEnded: LeaseWatch['onEnded'] = (event) => {
    if (event.outcome.kind !== 'left') heldBack.ended(event.template, event.clone, event.peer.uid);
    audit.onEnded(event);
  };
  const groups = createRunGroups(probeCgroupsBeside);
  const sessions = createSessions({
    index: options.sessions,
    open: (template) => openPool(template, warn),
    mostOf: (uid) => {
      const name = systemAccounts.userName(uid);
      return { uid, name, most: rightsOf(uid) === 'root' ? Infinity : limitsOf(config.current(), uid, name).sessions };
    },
    warn,
  });
  const leases = createLeases({
    sessions,
    isCountSet: (template) => templateCount(config.current(), template) !== null,
    rules: createRules(config, groups, quotas),
    watch: { ...audit, onEnded },
  });
  const pools = maintainPools({
    leases,
    heldBack,
    metrics,
    onRetired: (pool, lease) => adoption.retired(pool, lease),
    runtime,
    sessions: options.sessions,
    shelf,
    open: openPool,
    signal,
  });
  const clients = serveClients({
    output: {
      send: (id, frame) => broker.output.send(id, frame),
      tree: (id, tree) => broker.output.tree(id, tree),
      close: (id) => broker.output.close(id),
    },
    handlers: makeHandlers(options, { leases, pools, groups, sessions }),
    refuse: (error, voice) => describeRefusal(error, { ...commandLine, ...voice }),
    renderMetrics: (peer) => renderMetricsFor(peer, config, pools, metrics),
    pause: () => broker.drained(),
    isTurnedAway: systemAccounts.isSubordinate,
    bootId: readBootId(),
  });
  const events: BrokerEvents = {
    ...clients,
    ready: () => {
      logEvent('info', { event: 'ready' }, 'Ready for clients.');
      void tellServiceManager();
    },
    lost: (error) => {
      metrics.failed(error.code);
      logEvent('error', { event: 'broker', code: error.code }, error.message);
      clients.lost();
    },
  };
  const broker = startBroker({ ...gate, events, signal });
  const adoption: Adoption = adoptLeases({ pools: pools.all, leases, count: quotas.adopt, onRetired: heldBack.ended }, signal);
  const configure: Pools['configure'] = (wanted) => {
    pools.configure(wanted);
    adoption.look();
  };
  return { pools: { ...pools, configure }, done: end() };

  async function end(): Promise<void> {
    await broker.done;
    // Clients that have a launch go on running; the next daemon looks after their clones.
    clients.lost();
    await pools.done();
    heldBack.save();
    shelf.end();
  }
}

interface Parts {
  readonly leases: Leases;
  readonly pools: Pools;
  readonly groups: RunGroups;
  readonly sessions: Sessions;
}

function makeHandlers({ config, commandLine, runtime }: DaemonOptions, { leases, pools, groups, sessions }: Parts): Handlers {
  const queries = createQueries({
    status: createHostStatus(runtime),
    pools: pools.all,
    sessions,
    maySee: (peer, template) => maySee(config.current(), peer, template),
    limits: groups.controllers,
    settings: config,
    startedMs: Date.now(),
  });
  const runs = createQuotas();
  const runServices = {
    countRun: (uid: number) =>
      runs.held(uid) < limitsOf(config.current(), uid, systemAccounts.userName(uid)).leases ? runs.adopt(uid) : null,
    host: probeHost(findOwnFiles()),
    commandLine,
    leases,
    sessions,
    groups,
    paths: runtime,
    maintains: (template: string) => leases.serves(template),
    defaults: () => hostDefaults(config.current()),
    sandboxIds: () => config.current().ids,
  };
  return {
    run: (connection, message) => {
      const argv = values(message, 'argument');
      const view = commandLine.view(argv);
      if (view !== null) return handleView(connection, message, { view, queries, runtime });
      const exec = isLong(argv) ? null : commandLine.exec(argv);
      if (exec !== null) return handleExec(connection, { exec, queries, sessions });
      return handleRun(connection, message, runServices);
    },
    lease: (connection, message) => handleLease(connection, message, { leases, groups, sessions }),
    join: (connection, message) => handleJoin(connection, message, { groups }),
    session: (connection, message) => handleSession(connection, message, sessions),
    mount: handleMount,
    query: queries.handle,
    ended: ({ lease }, outcome, number) => lease?.note(readOutcome(outcome, number)),
  };
}

/** The metrics of the templates that this client may see. */
function renderMetricsFor(peer: Caller, config: DaemonOptions['config'], pools: Pools, metrics: Metrics): Uint8Array {
  const sees = (template: string): boolean => maySee(config.current(), peer, template);
  const levels = pools.all().flatMap((pool) => (sees(pool.template) ? [readLevels(pool)] : []));
  const { leases, ...told } = metrics.snapshot(levels);
  return renderMetricsResponse({
    ...told,
    leases: new Map([...leases].filter(([template]) => sees(template))),
    configValid: config.problem() === null,
  });
}

function readLevels({ template, pool, count }: MaintainedPool): PoolLevels {
  const size = (path: string): number => readDirectory(path).length;
  const { fresh, leased, retired } = pool.paths;
  return { template, count: count ?? 0, fresh: size(fresh), leased: size(leased), retired: size(retired), making: countMaking(pool) };
}

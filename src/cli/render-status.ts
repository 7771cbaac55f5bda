import type { CloneInUse, PoolStatus } from '../status/pool-status.ts';
import type { DaemonStatus, SettingsProblem, StatusDocument } from '../status/status.ts';
import { formatAge, formatTime } from './format-time.ts';
import { formatTable } from './table.ts';

/** The pools, who uses their clones, and what is wrong: one line each, without control characters. */
export function renderStatus({ daemon, isSilent, pools, settings }: StatusDocument, nowMs: number): readonly string[] {
  const clones = pools.flatMap((pool) => [...pool.inUse.map((clone) => cloneRow(pool.template, clone)), ...keptRows(pool)]);
  return [
    `daemon: ${isSilent === true ? 'does not answer' : describeDaemon(daemon, nowMs)}`,
    '',
    ...formatTable([poolTitles, ...pools.map((pool) => poolRow(pool, nowMs))], poolAlignments),
    ...(clones.length === 0 ? [] : ['', ...formatTable([cloneTitles, ...clones], cloneAlignments)]),
    ...sectionOf([
      ...describeSettings(settings ?? null, daemon?.serves === false, nowMs),
      ...pools.flatMap(problemsOf),
      ...adviseOnHolders(pools),
    ]),
  ];
}

function describeDaemon(daemon: DaemonStatus | null, nowMs: number): string {
  if (daemon === null) return 'not running';
  if (!daemon.serves) return `lends no clones, because its settings are not valid; process ${daemon.pid}`;
  return `running for ${formatAge(nowMs - daemon.sinceMs)}, process ${daemon.pid}`;
}

const poolTitles = ['TEMPLATE', 'SIZE', 'FRESH', 'LEASED', 'RETIRED', 'KEPT', 'MAKING', 'STALE', 'SNAPSHOT', 'OLDEST', 'REFRESHED'];
const poolAlignments = ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'left', 'right', 'left'] as const;
const cloneTitles = ['CLONE', 'TEMPLATE', 'STATE', 'USER', 'SINCE', 'PID', 'COMMAND'];
const cloneAlignments = ['left', 'left', 'left', 'left', 'left', 'right', 'left'] as const;

function poolRow(pool: PoolStatus, nowMs: number): readonly string[] {
  const { template, count, fresh, leased, retired, kept = [], making, stale, source, oldestFreshMs } = pool;
  return [
    template,
    count === null ? '-' : String(count),
    ...[fresh, leased, retired, kept.length, making, stale].map(String),
    source === null ? '-' : withoutTemplate(source, template),
    oldestFreshMs === null ? '-' : formatAge(nowMs - oldestFreshMs),
    describeRefresh(pool, nowMs),
  ];
}

/** In the line of tank/debian, `tank/debian@monday` is shown as `monday`. */
function withoutTemplate(source: string, template: string): string {
  return source.startsWith(`${template}@`) ? source.slice(template.length + 1) : source;
}

function describeRefresh({ refreshing, lastRefresh }: PoolStatus, nowMs: number): string {
  if (refreshing) return 'refreshing';
  if (lastRefresh === null) return '-';
  const { endedMs, durationMs, error } = lastRefresh;
  return `${formatAge(nowMs - endedMs)} ago, ${error === null ? `in ${(durationMs / 1000).toFixed(2)} s` : 'failed'}`;
}

/** One row, with the first process that holds the clone: if mounts are copied, most processes of the host hold it. */
function cloneRow(template: string, { clone, state, uid, user, sinceMs, holders }: CloneInUse): readonly string[] {
  const [first, ...others] = holders;
  const command = `${first?.command ?? '-'}${others.length === 0 ? '' : ` and ${others.length} more`}`;
  const name = user ?? (uid === null ? '-' : String(uid));
  return [
    clone,
    template,
    state,
    name,
    sinceMs === null ? '-' : formatTime(sinceMs),
    first === undefined ? '-' : String(first.pid),
    command,
  ];
}

function keptRows({ template, kept = [] }: PoolStatus): readonly (readonly string[])[] {
  return kept.map((id) => [id, template, 'kept', '-', '-', '-', '-']);
}

/** Said once, however many clones there are. */
function adviseOnHolders(pools: readonly PoolStatus[]): readonly string[] {
  const isHeld = pools.some(({ inUse }) => inUse.some(({ state, holders }) => state === 'retired' && holders.length > 1));
  return isHeld
    ? ['hint: many processes have copies of these clones in their mount namespaces; isolate doctor shows why (propagation)']
    : [];
}

function describeSettings(problem: SettingsProblem | null, areFirst: boolean, nowMs: number): readonly string[] {
  if (problem === null) return [];
  if (areFirst) return [`settings: ${problem.error.message}`];
  return [
    `settings: the change made ${formatAge(nowMs - problem.sinceMs)} ago is invalid, the previous ones are in use: ${problem.error.message}`,
  ];
}

function problemsOf({ template, error, lastRefresh }: PoolStatus): readonly string[] {
  const failed = lastRefresh?.error ?? null;
  return [
    ...(error === null ? [] : [`${template}: ${error.message}`]),
    ...(error?.code === 'template-missing' ? [`hint: isolate refresh --skip-create ${template} destroys its clones and forgets it`] : []),
    ...(failed === null || failed.message === error?.message ? [] : [`${template}: the last refresh failed: ${failed.message}`]),
  ];
}

function sectionOf(lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? []
    : [
        '',
        ...formatTable(
          lines.map((line) => [line]),
          ['left'],
        ),
      ];
}

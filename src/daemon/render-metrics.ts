import type { Histogram, MetricsSnapshot, PoolLevels, ProcessFacts } from './metrics.ts';

/** The answer to a client of the metrics socket: a complete HTTP/1.1 response, after which the connection is to be closed. */
export function renderMetricsResponse(snapshot: MetricsSnapshot): Buffer {
  const body = Buffer.from(renderMetrics(snapshot));
  const head = [
    'HTTP/1.1 200 OK',
    'Content-Type: text/plain; version=0.0.4; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

/** The snapshot in Prometheus's text format 0.0.4. */
export function renderMetrics(snapshot: MetricsSnapshot): string {
  return [
    histogram('isolate_lease_seconds', 'Time from the request for a clone to its lease.', snapshot.leaseSeconds),
    counters('isolate_leases_total', 'Leases given.', 'template', snapshot.leases),
    counters('isolate_refusals_total', 'Requests refused, by error code.', 'code', snapshot.refusals),
    counters('isolate_failures_total', 'Failures of the daemon itself, by error code.', 'code', snapshot.failures),
    levels(snapshot.pools),
    histogram('isolate_refresh_seconds', 'Time of a refresh of a pool.', snapshot.refreshSeconds),
    histogram('isolate_destroy_seconds', 'Time to destroy clones of one pool at once.', snapshot.destroySeconds),
    gauge('isolate_config_valid', 'Whether the settings in use are those in the files.', snapshot.configValid ? 1 : 0),
    processFamilies(snapshot.process),
  ].join('');
}

const states = ['fresh', 'leased', 'retired', 'making'] as const;

function levels(pools: readonly PoolLevels[]): string {
  return [
    family('isolate_pool_clones', 'gauge', 'Clones of a pool, by state.'),
    ...pools.flatMap((pool) => states.map((state) => sample('isolate_pool_clones', { template: pool.template, state }, pool[state]))),
    family('isolate_pool_size', 'gauge', 'Fresh clones that a pool is meant to have.'),
    ...pools.map(({ template, count }) => sample('isolate_pool_size', { template }, count)),
  ].join('');
}

function processFamilies(facts: ProcessFacts): string {
  return [
    gauge('process_resident_memory_bytes', 'Resident memory of the daemon in bytes.', facts.residentBytes),
    gauge('process_open_fds', 'Open descriptors of the daemon.', facts.openDescriptors),
    gauge('process_start_time_seconds', 'Start of the daemon in seconds since 1970.', facts.startSeconds),
    family('process_cpu_seconds_total', 'counter', 'Processor time of the daemon in seconds.'),
    sample('process_cpu_seconds_total', {}, facts.cpuSeconds),
  ].join('');
}

function histogram(name: string, help: string, { bounds, counts, sum }: Histogram): string {
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    const bound = bounds[index];
    return sample(`${name}_bucket`, { le: bound === undefined ? '+Inf' : String(bound) }, total);
  });
  return [family(name, 'histogram', help), ...buckets, sample(`${name}_sum`, {}, sum), sample(`${name}_count`, {}, total)].join('');
}

function counters(name: string, help: string, label: string, values: ReadonlyMap<string, number>): string {
  return family(name, 'counter', help) + [...values].map(([key, value]) => sample(name, { [label]: key }, value)).join('');
}

function gauge(name: string, help: string, value: number): string {
  return family(name, 'gauge', help) + sample(name, {}, value);
}

function family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

/** The three escapes of the format; every other character stands for itself. */
function escapeLabel(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}

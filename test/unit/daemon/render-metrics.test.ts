import { spawnSync } from 'node:child_process';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { MetricsSnapshot } from '../../../src/daemon/metrics.ts';
import { renderMetrics, renderMetricsResponse } from '../../../src/daemon/render-metrics.ts';

const histogram = { bounds: [0.001, 0.5], counts: [2, 0, 1], sum: 7.25 };
const snapshot: MetricsSnapshot = {
  leaseSeconds: histogram,
  refreshSeconds: { bounds: [1], counts: [0, 0], sum: 0 },
  destroySeconds: { bounds: [1], counts: [1, 0], sum: 0.125 },
  leases: new Map([['tank/debian', 3]]),
  failures: new Map([['storage-failed', 1]]),
  refusals: new Map([['quota-exceeded', 2]]),
  pools: [{ template: 'tank/debian', count: 10, fresh: 8, leased: 2, retired: 1, making: 0 }],
  process: { residentBytes: 52_428_800, openDescriptors: 21, cpuSeconds: 1.5, startSeconds: 1_700_000_000.25 },
  configValid: false,
};

test('the text has every family with its help, its type and its samples', () => {
  expect(renderMetrics(snapshot)).toBe(`# HELP isolate_lease_seconds Time from the request for a clone to its lease.
# TYPE isolate_lease_seconds histogram
isolate_lease_seconds_bucket{le="0.001"} 2
isolate_lease_seconds_bucket{le="0.5"} 2
isolate_lease_seconds_bucket{le="+Inf"} 3
isolate_lease_seconds_sum 7.25
isolate_lease_seconds_count 3
# HELP isolate_leases_total Leases given.
# TYPE isolate_leases_total counter
isolate_leases_total{template="tank/debian"} 3
# HELP isolate_refusals_total Requests refused, by error code.
# TYPE isolate_refusals_total counter
isolate_refusals_total{code="quota-exceeded"} 2
# HELP isolate_failures_total Failures of the daemon itself, by error code.
# TYPE isolate_failures_total counter
isolate_failures_total{code="storage-failed"} 1
# HELP isolate_pool_clones Clones of a pool, by state.
# TYPE isolate_pool_clones gauge
isolate_pool_clones{template="tank/debian",state="fresh"} 8
isolate_pool_clones{template="tank/debian",state="leased"} 2
isolate_pool_clones{template="tank/debian",state="retired"} 1
isolate_pool_clones{template="tank/debian",state="making"} 0
# HELP isolate_pool_size Fresh clones that a pool is meant to have.
# TYPE isolate_pool_size gauge
isolate_pool_size{template="tank/debian"} 10
# HELP isolate_refresh_seconds Time of a refresh of a pool.
# TYPE isolate_refresh_seconds histogram
isolate_refresh_seconds_bucket{le="1"} 0
isolate_refresh_seconds_bucket{le="+Inf"} 0
isolate_refresh_seconds_sum 0
isolate_refresh_seconds_count 0
# HELP isolate_destroy_seconds Time to destroy clones of one pool at once.
# TYPE isolate_destroy_seconds histogram
isolate_destroy_seconds_bucket{le="1"} 1
isolate_destroy_seconds_bucket{le="+Inf"} 1
isolate_destroy_seconds_sum 0.125
isolate_destroy_seconds_count 1
# HELP isolate_config_valid Whether the settings in use are those in the files.
# TYPE isolate_config_valid gauge
isolate_config_valid 0
# HELP process_resident_memory_bytes Resident memory of the daemon in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 52428800
# HELP process_open_fds Open descriptors of the daemon.
# TYPE process_open_fds gauge
process_open_fds 21
# HELP process_start_time_seconds Start of the daemon in seconds since 1970.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1700000000.25
# HELP process_cpu_seconds_total Processor time of the daemon in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
`);
});

test('the response says how long it is, and that it is the last', () => {
  const withUmlaut = { ...snapshot, leases: new Map([['tank/münchen', 1]]) };
  const response = renderMetricsResponse(withUmlaut).toString('latin1');
  const [head = '', body = ''] = response.split('\r\n\r\n');
  expect(head.split('\r\n')).toEqual([
    'HTTP/1.1 200 OK',
    'Content-Type: text/plain; version=0.0.4; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]);
  expect(Buffer.from(body, 'latin1').toString()).toBe(renderMetrics(withUmlaut));
});

test("Prometheus's own parser reads every sample as it is meant", () => {
  const parsed = parseByPrometheus([renderMetrics(snapshot)])[0] ?? [];
  expect(parsed.filter(([name]) => !name.startsWith('process_'))).toEqual([
    ['isolate_lease_seconds_bucket', { le: '0.001' }, 2],
    ['isolate_lease_seconds_bucket', { le: '0.5' }, 2],
    ['isolate_lease_seconds_bucket', { le: '+Inf' }, 3],
    ['isolate_lease_seconds_sum', {}, 7.25],
    ['isolate_lease_seconds_count', {}, 3],
    ['isolate_leases_total', { template: 'tank/debian' }, 3],
    ['isolate_refusals_total', { code: 'quota-exceeded' }, 2],
    ['isolate_failures_total', { code: 'storage-failed' }, 1],
    ...(['fresh', 'leased', 'retired', 'making'] as const).map((state, index) => [
      'isolate_pool_clones',
      { template: 'tank/debian', state },
      [8, 2, 1, 0][index],
    ]),
    ['isolate_pool_size', { template: 'tank/debian' }, 10],
    ['isolate_refresh_seconds_bucket', { le: '1' }, 0],
    ['isolate_refresh_seconds_bucket', { le: '+Inf' }, 0],
    ['isolate_refresh_seconds_sum', {}, 0],
    ['isolate_refresh_seconds_count', {}, 0],
    ['isolate_destroy_seconds_bucket', { le: '1' }, 1],
    ['isolate_destroy_seconds_bucket', { le: '+Inf' }, 1],
    ['isolate_destroy_seconds_sum', {}, 0.125],
    ['isolate_destroy_seconds_count', {}, 1],
    ['isolate_config_valid', {}, 0],
  ]);
});

test('whatever a template is called, the parser gets its name back', () => {
  const name = fc.string({
    unit: fc.constantFrom('\\', '"', '\n', '{', '}', ',', '=', '#', ' ', 'n', 'ü', '\u{1F600}', '/'),
    maxLength: 12,
  });
  const templates = fc.sample(name, { numRuns: 500, seed: 4 });
  const texts = templates.map((template) => renderMetrics({ ...snapshot, leases: new Map([[template, 1]]) }));
  const read = parseByPrometheus(texts).map((samples) => samples.find(([sample]) => sample === 'isolate_leases_total')?.[1]);
  expect(read).toEqual(templates.map((template) => ({ template })));
});

test('no name of a template adds a line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (template) => {
      const lines = renderMetrics({ ...snapshot, leases: new Map([[template, 1]]) }).split('\n');
      expect(lines.length).toBe(renderMetrics(snapshot).split('\n').length);
    }),
  );
});

/** Name, labels and value of every sample of each text, as the reference implementation of the format understands it. */
function parseByPrometheus(texts: readonly string[]): readonly (readonly [string, Readonly<Record<string, string>>, number])[][] {
  const program = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps([[[s.name, s.labels, s.value] for f in parse(text) for s in f.samples] for text in json.load(sys.stdin)]))`;
  const { stdout, stderr, status } = spawnSync('/usr/bin/python3', ['-c', program], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as [string, Record<string, string>, number][][];
}

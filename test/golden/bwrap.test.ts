import { bwrapEngine } from '../../src/engine/bwrap.ts';
import { commonCases, compareWithRecords, withSpec } from './plans.ts';

compareWithRecords(bwrapEngine, {
  ...commonCases,
  network: withSpec({ shareNetwork: true }),
  desktop: withSpec({ passthrough: ['x11', 'pulse', 'wayland', 'gpu'] }),
  limits: withSpec({ limits: { cpuPercent: 50, memoryBytes: 512 * 2 ** 20, pids: 100 } }),
});

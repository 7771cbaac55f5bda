import { kvmEngine } from '../../src/engine/kvm.ts';
import { machineFacts, rootFacts } from './facts.ts';
import { commonCases, compareWithRecords, plain, withSpec } from './plans.ts';

const withKvm = { ...rootFacts, machine: { ...machineFacts, withoutKvm: null } };

compareWithRecords(kvmEngine, {
  ...commonCases,
  network: withSpec({
    shareNetwork: true,
    binds: [{ source: '/etc/resolv.conf', target: '/etc/resolv.conf', readOnly: true, optional: true }],
  }),
  limits: withSpec({ limits: { cpuPercent: 50, memoryBytes: 512 * 2 ** 20 } }),
  processors: withSpec({ cpus: 4 }),
  'with KVM': { ...plain, facts: withKvm },
  emulated: { ...withSpec({ acceleration: 'tcg' }), facts: withKvm },
});

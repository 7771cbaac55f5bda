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
  disks: {
    ...withSpec({
      disks: [{ tag: 'cache', file: '/srv/cache.qcow2', format: 'qcow2', readOnly: true }],
      binds: [
        { source: { image: { file: '/srv/data.img', format: 'raw' } }, target: '/data', readOnly: false },
        { source: '/srv/src', target: '/data/src', readOnly: false },
        { source: { inside: '/data/tree' }, target: '/opt', readOnly: true },
        { source: '/etc/hosts', target: '/opt/hosts', readOnly: true },
        { source: { memoryBytes: 4096 }, target: '/small', readOnly: false },
      ],
    }),
    findings: { ...plain.findings, missing: [{ path: '/data' }, { path: '/data/src', within: '/data' }, { path: '/small' }] },
  },
  'network cards': withSpec({
    shareNetwork: true,
    cards: [
      { dhcp: true, mac: '52:54:00:aa:bb:cc', addresses: [], routes: [] },
      {
        dhcp: false,
        addresses: [{ address: '10.9.0.2', prefix: 24 }],
        routes: [{ destination: '10.8.0.0', prefix: 16, gateway: '10.9.0.1' }],
      },
    ],
  }),
  'init shown': withSpec({ debugInit: true }),
  processors: withSpec({ cpus: 4 }),
  'kernel of a distribution': {
    ...withSpec({ disks: [{ tag: 'a', file: '/srv/a', format: 'raw', readOnly: false }], shareNetwork: true }),
    facts: {
      ...rootFacts,
      machine: {
        ...machineFacts,
        boot: { kernel: '/var/cache/isolate/kernels/x/kernel', initramfs: '/var/cache/isolate/kernels/x/initramfs', board: 'q35' },
      },
    },
  },
  'with KVM': { ...plain, facts: withKvm },
  emulated: { ...withSpec({ acceleration: 'tcg' }), facts: withKvm },
});

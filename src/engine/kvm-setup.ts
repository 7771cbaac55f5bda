import type { FileSystemFlag } from '../launch/operations.ts';
import { shareTag, userNetwork } from '../machine/machine.ts';
import type { Preparation } from '../machine/setup.ts';
import type { Bind } from '../spec/spec.ts';
import type { PlanInput } from './engine.ts';
import { hostnameFor } from './hostname.ts';
import type { SharedBind } from './kvm-jail.ts';
import { nameServers } from '../spec/bind.ts';

/** Nothing is kept in memory but what is mapped: what the command writes is on the host at once, and others may write there too. */
const shareOptions = 'trans=virtio,version=9p2000.L,cache=mmap,msize=512000,posixacl,access=client';

const quiet: readonly FileSystemFlag[] = ['nosuid', 'nodev', 'noexec'];

/** What init does in the machine before the command. `shared`: the root, isolate's own binds, and the run's, each in order. */
export function planSetup({ spec, findings }: Pick<PlanInput, 'spec' | 'findings'>, shared: readonly SharedBind[]): readonly Preparation[] {
  const { workingDirectory, user, shareNetwork } = spec;
  return [
    { kind: 'hostname', name: hostnameFor(spec) },
    { kind: 'share', type: '9p', tag: shareTag, options: shareOptions },
    ...shared.slice(0, 1).map(planShared),
    mount('proc', '/proc', quiet),
    mount('sysfs', '/sys', quiet),
    mount('cgroup2', '/sys/fs/cgroup', quiet),
    mount('devtmpfs', '/dev', ['nosuid', 'noexec'], 'mode=0755'),
    mount('devpts', '/dev/pts', ['nosuid', 'noexec'], 'newinstance,ptmxmode=0666,mode=0620,gid=5'),
    mount('tmpfs', '/dev/shm', ['nosuid', 'nodev'], 'mode=1777'),
    mount('mqueue', '/dev/mqueue', quiet),
    ...deviceLinks.map(([name, target]): Preparation => ({ kind: 'link', directory: '/dev', name, target })),
    mount('tmpfs', findings.tmp, ['nosuid', 'nodev'], 'mode=1777'),
    ...planBinds(spec.binds, shared.slice(1)),
    // The kernel gives it its addresses.
    { kind: 'network', name: 'lo', address: '', mask: '', gateway: '' },
    ...(shareNetwork ? [{ kind: 'network', name: 'eth0', ...card } as const] : []),
    { kind: 'working-directory', path: workingDirectory },
    ...(user === undefined ? [] : [{ kind: 'user', user } as const]),
  ];
}

const { address, mask, gateway } = userNetwork;
const card = { address, mask, gateway };

const deviceLinks: readonly (readonly [name: string, target: string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

/** In the order in which the run has them; memory file systems and the name servers are the machine's own. */
function planBinds(binds: readonly Bind[], shared: readonly SharedBind[]): Preparation[] {
  const ofRun = new Map(shared.map((bind) => [bind.target, bind]));
  const wanted = binds.map((bind): Preparation => {
    if (typeof bind.source !== 'string') {
      const readOnly: readonly FileSystemFlag[] = bind.readOnly ? ['ro'] : [];
      return mount('tmpfs', bind.target, ['nosuid', 'nodev', ...readOnly], `mode=1777,size=${bind.source.memoryBytes}`);
    }
    const found = ofRun.get(bind.target);
    if (found !== undefined) return planShared(found);
    return { kind: 'file', target: nameServers, content: `nameserver ${userNetwork.nameServer}\n` };
  });
  const targets = new Set(binds.map(({ target }) => target));
  return [...shared.filter(({ target }) => !targets.has(target)).map(planShared), ...wanted];
}

function planShared({ source, target, readOnly, kind }: SharedBind): Preparation {
  return { kind: 'bind', source, target, flags: readOnly ? ['ro'] : [], create: kind };
}

function mount(type: string, target: string, flags: readonly FileSystemFlag[], options = ''): Preparation {
  return { kind: 'mount', type, target, flags, options };
}

import type { FileSystemFlag } from '../launch/operations.ts';
import { shareTag } from '../machine/machine.ts';
import type { NetworkPlan } from '../machine/network.ts';
import type { Preparation } from '../machine/setup.ts';
import { isFromInside, disksOf, nameServers } from '../spec/bind.ts';
import type { Bind, FirmSpec } from '../spec/spec.ts';
import type { PlanInput } from './engine.ts';
import { hostnameFor } from './hostname.ts';
import type { SharedBind } from './kvm-jail.ts';

/** Nothing is kept in memory but what is mapped: what the command writes is on the host at once, and others may write there too. */
const shareOptions = 'trans=virtio,version=9p2000.L,cache=mmap,msize=512000,posixacl,access=client';

const quiet: readonly FileSystemFlag[] = ['nosuid', 'nodev', 'noexec'];

/** What init does in the machine before the command. `shared`: the root, isolate's own binds, and the run's, each in order. */
export function planSetup(
  { spec, findings }: Pick<PlanInput, 'spec' | 'findings'>,
  shared: readonly SharedBind[],
  network: NetworkPlan,
): readonly Preparation[] {
  const { workingDirectory, user } = spec;
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
    ...spec.disks.map(({ tag }, index): Preparation => ({ kind: 'disk', serial: String(index), tag })),
    ...planBinds(spec, shared.slice(1), network),
    ...network.preparations,
    { kind: 'working-directory', path: workingDirectory },
    ...(user === undefined ? [] : [{ kind: 'user', user } as const]),
  ];
}

const deviceLinks: readonly (readonly [name: string, target: string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

/** In the order in which the run has them; memory file systems, images and the name servers are the machine's own. */
function planBinds(spec: FirmSpec, shared: readonly SharedBind[], { nameServer }: NetworkPlan): Preparation[] {
  const { binds } = spec;
  const ofRun = new Map(shared.map((bind) => [bind.target, bind]));
  const disks = disksOf(spec);
  const plan = (bind: Bind): readonly Preparation[] => {
    const { source, target } = bind;
    const readOnly: readonly FileSystemFlag[] = bind.readOnly ? ['ro'] : [];
    const flags: readonly FileSystemFlag[] = ['nosuid', 'nodev', ...readOnly];
    if (typeof source !== 'string') {
      if ('memoryBytes' in source) return [mount('tmpfs', target, flags, `mode=1777,size=${source.memoryBytes}`)];
      if ('inside' in source) return [{ kind: 'inside', source: source.inside, target, flags: readOnly }];
      const index = disks.findIndex((disk) => disk.target === target);
      return [{ kind: 'image', file: source.image.file, serial: String(index), target, flags }];
    }
    const found = ofRun.get(target);
    if (found !== undefined) return [planShared(found)];
    return nameServer === null ? [] : [{ kind: 'file', target: nameServers, content: `nameserver ${nameServer}\n` }];
  };
  const targets = new Set(binds.map(({ target }) => target));
  return [...shared.filter(({ target }) => !targets.has(target)).map(planShared), ...insideLast(binds).flatMap(plan)];
}

/** What shows another path of the sandbox comes when that is complete; what lies below such a bind comes after it. */
function insideLast(binds: readonly Bind[]): readonly Bind[] {
  const inside = binds.filter(isFromInside);
  const isLate = (bind: Bind): boolean => isFromInside(bind) || inside.some(({ target }) => bind.target.startsWith(`${target}/`));
  return [...binds.filter((bind) => !isLate(bind)), ...binds.filter(isLate)];
}

function planShared({ source, target, readOnly, kind }: SharedBind): Preparation {
  return { kind: 'bind', source, target, flags: readOnly ? ['ro'] : [], create: kind };
}

function mount(type: string, target: string, flags: readonly FileSystemFlag[], options = ''): Preparation {
  return { kind: 'mount', type, target, flags, options };
}

import { isolate, isolatePath } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs } from '../rig/members.ts';
import type { Ground } from './ground.ts';
import { measure, type Summary } from './measure.ts';
import { type OptionCase, optionCases } from './option-cases.ts';
import { mountOverlay } from './overlay.ts';
import type { Findings, Table } from './report.ts';
import { daemonClock, type Served, serveCopies, serveTemplate } from './served.ts';
import type { Candidate, Stopwatch } from './stopwatch.ts';

const poolSize = 60;
/** The goals that all options have. */
const most = { p99: 3, cpuMs: 5 };
/** No program of a run but Node takes as much memory. */
const nodeKib = 25 * 1024;

type Row = Table['rows'][number] & { readonly met: boolean };

/** Who gives the options, to which daemon. */
interface Side {
  readonly served: Served;
  readonly cases: readonly OptionCase[];
  /** Makes a root that nothing ran on before, for the bare engine. */
  readonly renew: () => Promise<string>;
  readonly user?: Member;
}

/**
 * Each option through the daemon, as root on clones of zfs-fuse and as a user on copies of a directory, beside the bare engine
 * with the same options, started by root on a root that nothing ran on before. Processor time is that of the run and of the
 * daemon's processes while it lives.
 */
export async function measureOptions(ground: Ground, rounds: number): Promise<Findings> {
  const user = await addMember(54_101, { subordinate: 1_600_000_000 });
  await addMemberGroup();
  const overlay = mountOverlay(ground);
  const ofRoot: Row[] = [];
  const ofUser: Row[] = [];
  try {
    // Before there is a daemon, because they look at a clone of their own.
    const cases = await optionCases(ground, ground.dataset, overlay.path);
    const served = await serveTemplate(ground, poolSize);
    ofRoot.push(...(await measureSide(ground, { served, cases, renew: ground.renewClone }, rounds, measureViews)));
    const { template, ...copies } = await serveCopies(ground, poolSize, user);
    const ofCopies = await optionCases(ground, template, overlay.path, user);
    ofUser.push(...(await measureSide(ground, { served: copies, cases: ofCopies, renew: ground.renewCopy, user }, rounds)));
  } finally {
    overlay.end();
  }
  const rows = [...ofRoot, ...ofUser];
  return {
    tables: [
      { title: 'true through the daemon, by root on zfs-fuse', head, rows: ofRoot },
      { title: 'true through the daemon, by a user on copies', head, rows: ofUser },
    ],
    goals: [{ name: 'options that miss a goal', value: rows.filter(({ met }) => !met).length, most: 0 }],
  };
}

type Measure = (stopwatch: Stopwatch, side: Side, rounds: number) => Promise<Row[]>;

async function measureSide(ground: Ground, side: Side, rounds: number, more: Measure = async () => []): Promise<Row[]> {
  const { served, cases } = side;
  try {
    const stopwatch = withClock(ground.stopwatch, await daemonClock(served.daemon));
    const rows: Row[] = [];
    for (const one of cases) rows.push(await measureOption(stopwatch, side, one, rounds));
    return [...rows, ...(await more(stopwatch, side, rounds))];
  } finally {
    await served.end();
  }
}

async function measureOption(stopwatch: Stopwatch, { served, renew, user }: Side, one: OptionCase, rounds: number): Promise<Row> {
  const args = ['--quiet', '--wait', '60', ...one.words, 'true'];
  const reason = await whyNot(args, user);
  if (reason !== null) return { name: `  ${one.option}`, cells: ['cannot run'], text: reason, met: false };
  let root = '';
  const settle = async (): Promise<void> => {
    root = await renew();
    await served.full();
  };
  const { descriptors = {} } = one;
  const command = { command: [isolatePath, ...args], descriptors, ...(user === undefined ? {} : { user }) };
  const { bare, isolated } = await measure(stopwatch, { bare: () => one.bare(root), isolated: command }, { rounds, settle });
  return rowOf(one, isolated, bare);
}

/** What a command says that fails; null: it succeeds. */
async function whyNot(args: readonly string[], user: Member | undefined): Promise<string | null> {
  const words = args.map((word, index) => (args[index - 1] === '--status-fd' ? '2' : word));
  const { status, stderr } = await (user === undefined ? isolate(words) : runAs(user, words));
  return status === 0 ? null : stderr.trim().replaceAll('\n', ' ');
}

const head = ['median ms', 'p99 ms', 'cpu ms', 'bare ms', 'bare cpu', 'x bare', 'at most', 'x p99', 'Node', ''];

function rowOf({ option, most: times }: OptionCase, summary: Summary, bare: Summary): Row {
  const { medianMs, p99Ms, cpuMs } = summary;
  const ratio = medianMs / bare.medianMs;
  const ratioP99 = p99Ms / bare.p99Ms;
  const met = ratio <= times && ratioP99 <= most.p99 && cpuMs <= most.cpuMs && !startsNode(summary);
  const cells = [medianMs, p99Ms, cpuMs, bare.medianMs, bare.cpuMs, ratio, String(times), ratioP99, startsNode(summary) ? 'yes' : 'no'];
  return { name: option, cells: [...cells, met ? 'met' : 'missed'], met };
}

async function measureViews(stopwatch: Stopwatch, { served }: Side, rounds: number): Promise<Row[]> {
  const views = Object.fromEntries(['status', 'ps', '--version'].map((word) => [`isolate ${word}`, { command: [isolatePath, word] }]));
  const summaries = await measure(stopwatch, views, { rounds, settle: served.full });
  return Object.entries(summaries).map(([name, summary]) => {
    const { medianMs, p99Ms, cpuMs } = summary;
    const met = !startsNode(summary);
    return { name, cells: [medianMs, p99Ms, cpuMs, '', '', '', '', '', met ? 'no' : 'yes', met ? 'met' : 'missed'], met };
  });
}

function startsNode({ peakKib }: Summary): boolean {
  return peakKib > nodeKib;
}

function withClock(stopwatch: Stopwatch, clock: () => number): Stopwatch {
  return (candidate: Candidate) => {
    const beforeMs = clock();
    const timing = stopwatch(candidate);
    return { ...timing, cpuMs: timing.cpuMs + clock() - beforeMs };
  };
}

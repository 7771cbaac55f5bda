import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

import { type Finished, isolate, isolatePath } from './isolate.ts';
import { descendants, type FoundProcess, listProcesses } from './process-tree.ts';
import { mountsBelow, type SeenTemplate, type SeenTemplates, type StormPlace } from './storm-place.ts';

const wanted = process.env['ISOLATE_TEST_TEMPLATE_KILLS'];
/** How often each verb is killed. */
export const rounds = Number(wanted ?? 2);
/** Whether every verb has its turn, and not only those with the most steps. */
export const isWhole = wanted !== undefined;
const seed = Number(process.env['ISOLATE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const patienceMs = 20_000;

/** What ends a verb: the process itself, all processes of its group, one process that it started, or Ctrl-C. */
type Kill = 'isolate' | 'group' | 'child' | 'interrupt';
const kills: readonly Kill[] = ['isolate', 'group', 'child', 'isolate', 'group', 'child', 'interrupt'];

export interface StormVerb {
  readonly title: string;
  readonly words: readonly string[];
  /** Before each round. */
  readonly prepare?: () => Promise<void>;
  /** It only reads templates, so what it leaves mounted is for the next verb that changes one. */
  readonly onlyReads?: boolean;
  /** What it writes outside of the templates. */
  readonly outside?: () => Promise<unknown>;
}

/** Everything that a verb can change. */
interface State {
  readonly templates: SeenTemplates;
  readonly outside: unknown;
}

export interface Storm {
  readonly place: StormPlace;
  /** Where files go that verbs write, and the home of the caller. */
  readonly out: string;
}

/** Kills a verb at moments that are spread over the time it takes, and looks at what is there afterwards. Every failure names the seed. */
export async function killAtRandom(storm: Storm, verb: StormVerb): Promise<void> {
  try {
    await playRounds(storm, verb);
  } catch (error) {
    if (error instanceof Error) error.message = `ISOLATE_TEST_SEED=${seed}: ${error.message}`;
    throw error;
  }
}

async function playRounds(storm: Storm, verb: StormVerb): Promise<void> {
  const random = makeRandom(hashOf(`${seed} ${storm.place.kind} ${verb.title}`));
  const scene = openScene(storm, verb);
  const before = await scene.begin();
  const startMs = performance.now();
  const whole = await scene.play();
  let durationMs = performance.now() - startMs;
  expect(whole.status, `${verb.title}: ${whole.stderr}`).toBe(0);
  const after = await scene.look();
  expect(await scene.rubbish()).toEqual([]);
  const counts = new Map<string, number>();
  const problems: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    expect(await scene.begin()).toEqual(before);
    const played = await playRound(scene, { before, after, durationMs, random });
    problems.push(...played.problems.map((problem) => `${problem}; round ${round}, ${played.what}`));
    durationMs = played.durationMs;
    for (const outcome of played.outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  if (isWhole)
    console.log(
      `${storm.place.kind} ${verb.title}: ${rounds} kills, ${problems.length} problems, ${JSON.stringify(Object.fromEntries(counts))}`,
    );
  expect(problems.join('\n')).toBe('');
}

/** What one verb does to one place. */
interface Scene {
  readonly begin: () => Promise<State>;
  readonly look: () => Promise<State>;
  /** What belongs to no template. */
  readonly rubbish: () => Promise<readonly string[]>;
  readonly play: () => Promise<Finished>;
  /** What was left can be removed only by this; null: by the verb itself. */
  readonly sweep: (() => Promise<unknown>) | null;
  readonly start: () => Started;
  /** The templates that isolate lists. */
  readonly list: () => Promise<readonly string[]>;
}

function openScene({ place, out }: Storm, verb: StormVerb): Scene {
  const environment = { HOME: join(out, 'home') };
  const look = async (): Promise<State> => ({
    templates: await place.look(),
    outside: { files: hashFiles(out), more: await verb.outside?.() },
  });
  const [store, mounts] = ['/var/lib/isolate/templates', '/run/isolate/templates'];
  return {
    look,
    begin: async () => {
      await place.reset();
      rmSync(out, { recursive: true, force: true });
      mkdirSync(environment.HOME, { recursive: true });
      await verb.prepare?.();
      return await look();
    },
    rubbish: async () => [
      ...(await place.rubbish()),
      // Other tests of this namespace may have left templates in the store, which are none of datasets.
      ...(place.kind === 'dataset' ? [...mountsBelow(mounts), ...entriesOf(mounts)] : []),
      ...entriesOf(store).filter((path) => basename(path).startsWith('.filling')),
      ...entriesOf('/var/tmp'),
      ...entriesOf(out).filter((path) => path !== environment.HOME && basename(path).startsWith('.')),
      ...entriesOf(out).filter((path) => basename(path).startsWith('isolate-image')),
      ...entriesOf(join(environment.HOME, '.config/isolate')).filter((path) => basename(path).startsWith('.')),
    ],
    play: () => isolate(verb.words, { environment }),
    sweep: verb.onlyReads === true ? () => isolate(['template', 'exec', '-q', place.address('other'), 'true'], { environment }) : null,
    start: () => startVerb(verb, environment),
    list: async () => {
      const { stdout } = await isolate(['template', 'list', '--json'], { environment });
      const { templates } = JSON.parse(stdout) as { templates: readonly { location: string }[] };
      const prefix = place.address('');
      return templates.flatMap(({ location }) => (location.startsWith(prefix) ? [location.slice(prefix.length)] : [])).toSorted();
    },
  };
}

interface Round {
  readonly before: State;
  readonly after: State;
  readonly durationMs: number;
  readonly random: () => number;
}

interface Played {
  readonly problems: readonly string[];
  /** What was done, and what isolate said. */
  readonly what: string;
  readonly outcomes: readonly string[];
  readonly durationMs: number;
}

async function playRound(scene: Scene, { before, after, durationMs, random }: Round): Promise<Played> {
  const problems: string[] = [];
  const check = (what: string, found: readonly string[]): void => {
    if (found.length > 0) problems.push(`${what}: ${found.join(', ')}`);
  };
  const checkList = (what: string, names: readonly string[], { templates }: State): void => {
    if (!isEqual(names, Object.keys(templates).toSorted())) problems.push(`${what}: ${names.join(', ')}`);
  };
  const others = new Set(listProcesses().map(({ pid }) => pid));
  const processes = (): readonly FoundProcess[] => listProcesses().filter(({ pid }) => !others.has(pid));

  const kill = kills[Math.floor(random() * kills.length)] ?? 'isolate';
  const momentMs = random() * durationMs;
  const isPatient = random() < 0.5;
  const started = scene.start();
  await Promise.race([sleep(momentMs), started.ended]);
  const victim = await strike(started.child, kill, random);
  const first = await started.ended;
  const isInterrupted = kill === 'interrupt' && first.signal === null;
  // A zfs that outlives isolate changes datasets between the list and the look.
  const isAwaited = isPatient || isInterrupted ? () => true : isOfZfs;
  check('still there', await waitForNone(() => processes().filter(isAwaited)));
  if (isInterrupted) check('left by Ctrl-C', await scene.rubbish());
  // Listing finishes what has no place; so it comes first.
  const listed = await scene.list();
  const seen = await scene.look();
  checkList('listed', listed, seen);
  check('half', whatIsHalf(seen, before, after));

  // The user tries again.
  const againMs = performance.now();
  const again = await scene.play();
  const isFromStart = again.status === 0 && isEqual(seen, before);
  // Other work on the machine makes it slower or faster than it was.
  const nextMs = isFromStart ? performance.now() - againMs : durationMs;
  if (again.status !== 0 && !isDone.test(again.stderr)) problems.push(`tried again: ${again.stderr}`);
  check('still there later', await waitForNone(processes));
  const outcomes = [kill, isEqual(seen, before) ? 'as before' : isEqual(seen, after) ? 'as after' : 'between'];
  if ((!isPatient || scene.sweep !== null) && (await scene.rubbish()).length > 0) {
    // Something that outlived isolate made it after the second try had looked, or the verb is not the one to remove it.
    outcomes.push('swept later');
    await scene.play();
    await scene.sweep?.();
  }
  check('rubbish', await scene.rubbish());
  const end = await scene.look();
  check('in the end', whatDiffers(end, { before, after, isFinished: again.status === 0 }));
  checkList('listed in the end', await scene.list(), end);
  const moment = `${Math.round(momentMs)} of ${Math.round(durationMs)} ms`;
  const what = `${kill} ${victim} after ${moment}: ${first.status ?? first.signal} ${first.stderr}then ${again.status} ${again.stderr}`;
  return { problems, what, outcomes, durationMs: nextMs };
}

/** A second try succeeds, or says that the first one did. */
const isDone =
  /There is already|There is no (?:template|dataset)|already has a snapshot|can't rename|has newer snapshots|builds on a snapshot/;

/** Whether it is a command of zfs, also one that still has isolate's name because it is just being started. */
function isOfZfs({ command }: FoundProcess): boolean {
  return /^(?:\S*\/)?(?:zfs|zpool|isolate) /.test(command);
}

/** Waits until there is none, for a while; returns what there still is. */
async function waitForNone(find: () => readonly FoundProcess[]): Promise<readonly string[]> {
  for (const endMs = performance.now() + patienceMs; performance.now() < endMs; await sleep(10)) if (find().length === 0) return [];
  return find().map(({ pid, command }) => `${pid} ${command}`);
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Finished>;
}

/** Starts it in a process group of its own. */
function startVerb({ words }: StormVerb, environment: Readonly<Record<string, string>>): Started {
  const child = spawn(isolatePath, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...environment } });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdout.resume();
  // Not its streams' end: what outlives it may have them.
  const ended = once(child, 'exit').then(([status, signal]: readonly (number | NodeJS.Signals | null)[]) => ({
    status: status as number | null,
    signal: signal as NodeJS.Signals | null,
    stdout: '',
    stderr: Buffer.concat(errors).toString(),
  }));
  return { child, ended };
}

/** Returns what was killed. */
async function strike(child: ChildProcess, kill: Kill, random: () => number): Promise<string> {
  const { pid } = child;
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  if (pid === undefined || !isRunning()) return '(ended)';
  if (kill === 'isolate') child.kill('SIGKILL');
  if (kill === 'group') process.kill(-pid, 'SIGKILL');
  if (kill === 'interrupt') process.kill(-pid, 'SIGINT');
  if (kill !== 'child') return '';
  for (let found = descendants(pid); isRunning(); found = descendants(pid)) {
    const one = found[Math.floor(random() * found.length)];
    if (one !== undefined && killIfThere(one.pid)) return one.command.slice(0, 120);
    await sleep(1);
  }
  return '(none)';
}

function killIfThere(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Right after a kill: what is neither as before nor as after. A template whose name or dataset changes may lack its snapshots until the next change. */
function whatIsHalf(seen: State, before: State, after: State): readonly string[] {
  const problems: string[] = [];
  for (const name of namesOf(seen, before, after)) {
    const [is, was, will] = [seen, before, after].map(({ templates }) => templates[name]);
    if (is?.tree !== was?.tree && is?.tree !== will?.tree) problems.push(`${name}: tree ${is?.tree}, not ${was?.tree} or ${will?.tree}`);
    const known = new Set([was, will].flatMap((each) => (each === undefined ? [] : [each.tree, ...Object.values(each.snapshots)])));
    for (const [label, tree] of Object.entries(is?.snapshots ?? {})) if (!known.has(tree)) problems.push(`${name}@${label}: tree ${tree}`);
    for (const label of Object.keys(was?.snapshots ?? {})) {
      const tree = is?.snapshots[label];
      if (tree !== undefined && tree !== was?.snapshots[label]) {
        problems.push(`${name}@${label}: ${tree}, not ${was?.snapshots[label]}`);
      }
    }
  }
  const trees = (state: State): readonly string[] => Object.values(state.templates).map(({ tree }) => tree);
  if (trees(seen).length < Math.min(trees(before).length, trees(after).length)) problems.push('a template is lost');
  if (!isEqual(seen.outside, before.outside) && !isEqual(seen.outside, after.outside))
    problems.push(`outside: ${JSON.stringify([seen.outside, before.outside, after.outside])}`);
  return problems;
}

/**
 * After the second try: what is not as after. Times in labels differ, and each try may have kept a state. A first try that had made the
 * template, and then was killed, may not have got to the snapshot or setting that were to follow: the second try does not make them either.
 */
function whatDiffers(
  seen: State,
  { before, after, isFinished }: { readonly before: State; readonly after: State; readonly isFinished: boolean },
): readonly string[] {
  const problems: string[] = [];
  for (const name of namesOf(seen, before, after)) {
    const [is, was, will] = [seen, before, after].map(({ templates }) => templates[name]);
    if (is?.tree !== will?.tree) problems.push(`${name}: tree ${is?.tree}, not ${will?.tree}`);
    // Whichever try kept it, and under whichever time.
    const isLost = was !== undefined && hasTree(will, was.tree) && !hasTree(is, was.tree);
    if (isLost) problems.push(`${name}: no snapshot of the state before, ${was.tree}`);
    const labels = new Map(Object.entries(will?.snapshots ?? {}));
    for (const [label, tree] of labels) {
      const isDue = isFinished || was?.snapshots[label] !== undefined || namesOf(before).length === namesOf(after).length;
      if (!isTime(label) && isDue && is?.snapshots[label] !== tree) problems.push(`${name}@${label}: ${is?.snapshots[label]}, not ${tree}`);
    }
    for (const [label, tree] of Object.entries(is?.snapshots ?? {})) {
      if (!labels.has(label) && !(isTime(label) && [was?.tree, will?.tree].includes(tree))) problems.push(`${name}@${label}: ${tree}`);
    }
  }
  const isAsAfter = isEqual(seen.outside, after.outside) || (!isFinished && isEqual(seen.outside, before.outside));
  if (!isAsAfter) problems.push(`outside: ${JSON.stringify([seen.outside, after.outside])}`);
  return problems;
}

function hasTree(template: SeenTemplate | undefined, tree: string): boolean {
  return Object.values(template?.snapshots ?? {}).includes(tree);
}

function isTime(label: string): boolean {
  return /^\d{4}-\d\d-\d\d/.test(label);
}

function namesOf(...states: readonly State[]): readonly string[] {
  return [...new Set(states.flatMap(({ templates }) => Object.keys(templates)))];
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What files have, without those that are not complete by their names. */
function hashFiles(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const paths = entries
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !/\/(?:\.edit-|\.cache\/|isolate-image-)/.test(path));
  return Object.fromEntries(
    paths.toSorted().map((path) => [path, path.endsWith('.template') ? describeStream(path) : hashOf(readFileSync(path)).toString(16)]),
  );
}

/** Streams of one state have different times of access. */
function describeStream(path: string): string {
  const bytes = readFileSync(path);
  const seal = '\nisolate-template end ';
  const [begin, end] = [bytes.indexOf(10, bytes.indexOf(10) + 1) + 1, bytes.lastIndexOf(seal)];
  const digest = createHash('sha256').update(bytes.subarray(begin, end)).digest('hex');
  return bytes.subarray(end).toString() === `${seal}${digest}\n` ? 'whole' : 'half';
}

function entriesOf(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

function hashOf(text: string | Buffer): number {
  return createHash('sha256').update(text).digest().readUInt32LE();
}

/** The same numbers for the same seed, from 0 to 1 (mulberry32). */
function makeRandom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

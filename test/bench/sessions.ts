import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

import type { RunsDocument } from '../../src/status/status.ts';
import { isolatePath } from '../rig/isolate.ts';
import type { Ground } from './ground.ts';
import { measure } from './measure.ts';
import { type Findings, tableOf } from './report.ts';
import { serveTemplate } from './served.ts';

const names = {
  run: 'isolate -z T true',
  enter: 'isolate enter NAME true, of a dataset',
  exec: 'isolate exec RUN true, in a run on a dataset',
  byName: 'isolate exec NAME true, in the run that uses a session',
  directory: 'isolate -t DIR --ephemeral true',
  enterDirectory: 'isolate enter NAME true, of a directory',
} as const;

/** What root waits for to go on in a session, and to join a run, beside a run. */
export async function measureSessions(ground: Ground, rounds: number): Promise<Findings> {
  const { dataset, directory, stopwatch } = ground;
  const served = await serveTemplate(ground, 8);
  const isolate = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(isolatePath, words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`isolate ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  const runs: ChildProcess[] = [];
  const begin = async (...options: readonly string[]): Promise<string> => {
    const child = spawn(isolatePath, ['-q', ...options, 'sh', '-c', 'echo begun; exec sleep 3600'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    runs.push(child);
    await once(child.stdout, 'data');
    const { runs: all } = JSON.parse(isolate('ps', '--json')) as RunsDocument;
    return all.find(({ pid }) => pid === child.pid)?.runId ?? String(child.pid);
  };
  const command = (...words: readonly string[]) => ({ command: [isolatePath, ...words] });
  let summaries: Awaited<ReturnType<typeof measure<(typeof names)[keyof typeof names]>>>;
  try {
    isolate('-q', '--keep=bench', '-z', dataset, '--wait', '60', 'true');
    isolate('-q', '--keep=bench-directory', '-t', directory, '--ephemeral', 'true');
    const run = await begin('-z', dataset, '--wait', '60');
    await begin('--keep=bench-used', '-z', dataset, '--wait', '60');
    summaries = await measure(
      stopwatch,
      {
        [names.run]: command('-q', '-z', dataset, '--wait', '60', 'true'),
        [names.enter]: command('enter', '-q', 'bench', 'true'),
        [names.exec]: command('exec', '-q', run, 'true'),
        [names.byName]: command('exec', '-q', 'bench-used', 'true'),
        [names.directory]: command('-q', '-t', directory, '--ephemeral', 'true'),
        [names.enterDirectory]: command('enter', '-q', 'bench-directory', 'true'),
      },
      { rounds },
    );
  } finally {
    for (const child of runs) child.kill('SIGTERM');
    await Promise.all(runs.map(async (child) => child.exitCode ?? child.signalCode ?? (await once(child, 'exit'))));
    spawnSync(isolatePath, ['rm', '-q', 'bench', 'bench-directory', 'bench-used']);
    await served.end();
  }
  const against = (name: keyof typeof summaries, base: keyof typeof summaries) => summaries[name].medianMs / summaries[base].medianMs;
  return {
    tables: [tableOf('sessions and commands in runs, by root through the daemon', summaries)],
    goals: [
      { name: 'enter / run, on a dataset', value: against(names.enter, names.run), most: 1.2 },
      { name: 'exec / run, on a dataset', value: against(names.exec, names.run), most: 1.2 },
      { name: 'enter / run, on a directory', value: against(names.enterDirectory, names.directory), most: 1.2 },
    ],
  };
}

import type { Launch } from '../launch/launch.ts';
import { encodeLine, type ReportLine } from '../launch/report.ts';
import { signalNumber } from '../launch/signals.ts';
import type { CommandLog } from '../log.ts';
import type { RunEvent } from '../run/run-event.ts';
import { commandsOf } from '../run/supervise.ts';
import type { Limits, SandboxSpec, WantedSpec } from '../spec/spec.ts';
import type { Item } from '../wire/frame.ts';
import type { RunVoice } from './command-line.ts';
import type { Connection } from './connection.ts';

/** Reports to a client about its run. */
export interface ClientVoice {
  readonly tell: (event: RunEvent) => void;
  /** What the client does by itself while it waits and when the run has ended; the log is open then. */
  readonly announce: (spec: WantedSpec) => Promise<void>;
  /** The same for a command that was not known then. */
  readonly announceCommand: (spec: SandboxSpec) => void;
  readonly logLaunch: (launch: Launch, spec: SandboxSpec) => void;
  /** Sends what had to wait for the launch: a program in Node that took over the run would say it itself. */
  readonly flush: () => void;
}

export function clientVoice({ send }: Connection, voice: RunVoice, isWatched: boolean): ClientVoice {
  const untold: string[] = [];
  let log: CommandLog | null = null;
  const say = (text: string): void => send('message', [{ name: 'text', value: text }]);
  const flush = (): void => untold.splice(0).forEach(say);
  const report = (lines: readonly ReportLine[], ignoredSignals: readonly NodeJS.Signals[]): void => {
    const items = reportOf(lines, ignoredSignals);
    if (items.length > 0) send('report', items);
  };
  return {
    tell: (event) => {
      if (event.kind === 'way') log?.way(event.way);
      if (event.kind === 'storage') log?.storage(event.storage);
      const text = voice.render(event, isWatched);
      if (text !== '') untold.push(text);
      if (text !== '' && event.kind === 'waiting') flush();
    },
    announce: async ({ command, limits }) => {
      log = (await voice.openLog?.((line) => void untold.push(line))) ?? null;
      report(linesOf(voice, command ?? [], limits, isWatched), voice.ignoredSignals);
    },
    announceCommand: ({ command, limits }) => report(linesOf(voice, command, limits, isWatched), []),
    logLaunch: (launch, spec) => {
      for (const command of commandsOf(launch, spec)) log?.command(command);
    },
    flush,
  };
}

/** Those that are possible. Most runs have none, and no message is sent for them. */
function linesOf({ lines }: RunVoice, command: readonly string[], { memoryBytes }: Limits, isWatched: boolean): readonly ReportLine[] {
  return lines(command).filter(
    ({ outOfMemory, stream }) => (outOfMemory === undefined || memoryBytes !== undefined) && (stream !== 'terminal' || isWatched),
  );
}

/** What a client is to tell of its run by itself. */
export function reportOf(lines: readonly ReportLine[], ignoredSignals: readonly NodeJS.Signals[]): readonly Item[] {
  return [
    ...lines.map((line): Item => ({ name: 'line', value: encodeLine(line) })),
    ...ignoredSignals.map((signal): Item => ({ name: 'ignored-signal', value: signalNumber(signal) })),
  ];
}

import type { Engine, EngineCapabilities } from '../engine/engine.ts';

/** What the engines can do, one line a thing: help, the man page and doctor print it. */
const rows: readonly (readonly [title: string, cell: (capabilities: EngineCapabilities) => string])[] = [
  ['isolates', ({ isolates }) => yes(isolates)],
  ['without root (-t)', ({ unprivileged }) => yes(unprivileged)],
  ['environment (-v)', ({ environment }) => yes(environment)],
  ['directory (-p)', ({ workingDirectory }) => yes(workingDirectory)],
  ['binds (-d)', ({ binds }) => yes(binds)],
  ['name (--hostname)', ({ hostname }) => yes(hostname)],
  ['read-only root', ({ readOnlyRoot }) => yes(readOnlyRoot)],
  ['id base (-u, -g)', ({ idBase }) => yes(idBase)],
  ['network (-n)', ({ network }) => ({ 'always-shared': 'always', optional: 'yes', bridge: 'bridge' })[network]],
  ['X11 (-1)', ({ passthrough }) => yes(passthrough.includes('x11'))],
  ['PulseAudio (-2)', ({ passthrough }) => yes(passthrough.includes('pulse'))],
  ['Wayland (-3)', ({ passthrough }) => yes(passthrough.includes('wayland'))],
  ['GPU (-4)', ({ passthrough }) => yes(passthrough.includes('gpu'))],
  ['--cpu', ({ limits }) => yes(limits.includes('cpuPercent'))],
  ['--memory', ({ limits }) => yes(limits.includes('memoryBytes'))],
  ['--pids', ({ limits }) => yes(limits.includes('pids'))],
  ['filter', ({ seccomp }) => yes(seccomp !== 'none')],
  ['--tun', ({ tun }) => yes(tun)],
];

/** Title and one cell an engine, the first row being the engines' names. */
export function engineRows(engines: readonly Engine[]): readonly (readonly string[])[] {
  return [
    ['', ...engines.map(({ name }) => name)],
    ...rows.map(([title, cell]) => [title, ...engines.map(({ capabilities }) => cell(capabilities))]),
  ];
}

/** The table as text in columns, each line indented by `indent`. */
export function formatEngineTable(engines: readonly Engine[], indent: string): string {
  const cells = engineRows(engines);
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${indent}${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function yes(value: boolean): string {
  return value ? 'yes' : '-';
}

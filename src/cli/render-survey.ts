import type { Engine, Problem } from '../engine/engine.ts';
import { type Check, toFact } from '../host/survey/check.ts';
import { formatEngineTable } from './engine-table.ts';
import { toJson } from '../json.ts';
import { escapeControls } from './escape.ts';

/** What prevents an engine on this host; empty: it can be used. */
export interface EngineState {
  readonly engine: Engine;
  readonly problems: readonly Problem[];
}

/** The state of this host as text: a line per fact with the hint below it, the engines, and the table of what each supports. */
export function renderSurvey(checks: readonly Check[], engines: readonly EngineState[]): string {
  const idWidth = Math.max(...checks.map(({ id }) => id.length), ...engines.map(({ engine }) => engine.name.length));
  const line = (state: string, id: string, fact: string, hint: string | undefined): string =>
    `${state.padEnd(8)}  ${id.padEnd(idWidth)}  ${escapeControls(fact)}\n${hint === undefined ? '' : `${' '.repeat(idWidth + 12)}hint: ${escapeControls(hint)}\n`}`;
  return [
    ...checks.map(({ state, id, fact, hint }) => line(state, id, fact, hint)),
    '\n',
    ...engines.map(({ engine, problems }) => renderEngine(line, engine, problems)),
    '\n',
    formatEngineTable(
      engines.map(({ engine }) => engine),
      '',
    ),
  ].join('');
}

/** The same as a JSON object on one line. */
export function renderSurveyJson(checks: readonly Check[], engines: readonly EngineState[]): string {
  const shown = engines.map(({ engine: { name, summary, capabilities }, problems }) => ({
    name,
    summary,
    usable: problems.length === 0,
    problems,
    capabilities,
  }));
  return `${toJson({ checks, engines: shown })}\n`;
}

function renderEngine(
  line: (state: string, id: string, fact: string, hint?: string) => string,
  { name, summary }: Engine,
  problems: readonly Problem[],
): string {
  const [problem] = problems;
  return problem === undefined ? line('usable', name, summary, undefined) : line('unusable', name, toFact(problem.message), problem.hint);
}

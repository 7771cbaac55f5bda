import type { Inside } from '../launch/join.ts';
import type { PlanInput } from './engine.ts';
import { stageCommandNumber } from './stage.ts';

type PlannedInside = Omit<Inside, 'capabilities' | 'variable'>;

/** What the stage of every engine starts with; `filter` is a file with the rules that the engine enforces. */
export function planInside({ runId, spec }: Pick<PlanInput, 'runId' | 'spec'>, filter: string | null): PlannedInside {
  const { workingDirectory } = spec;
  return { run: runId, filter, workingDirectory, command: stageCommandNumber, noNewPrivileges: true, noGroups: false };
}

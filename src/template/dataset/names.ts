import type { RunCommand } from '../../process/command.ts';
import { whyNotTemplateName } from '../template-ref.ts';

const timeoutMs = 30_000;

/** The names of the templates directly below a dataset: without clones and drafts. null: this caller may not look, or ZFS does not answer. */
export async function listDatasetNames(zfs: string | null, run: RunCommand, parent: string): Promise<readonly string[] | null> {
  if (zfs === null) return null;
  const args = ['list', '-H', '-r', '-d', '1', '-t', 'filesystem', '-o', 'name', parent];
  const answer = await run({ file: zfs, args, timeoutMs }).catch(() => null);
  if (answer === null) return null;
  if (answer.exitCode !== 0) return /does not exist/.test(answer.stderr) ? [] : null;
  const names = answer.stdout.split('\n').flatMap((line) => (line.startsWith(`${parent}/`) ? [line.slice(parent.length + 1)] : []));
  return names.filter((name) => whyNotTemplateName(name) === null);
}

import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { proofCases } from '../../src/prove/cases.ts';

const top = join(import.meta.dirname, '../..');
const rowsDirectory = join(top, '.cache/security-results');
const document = join(top, 'docs/security-results.md');

/** The result of one case in one configuration, as the suite judged it. */
export interface Row {
  readonly case: string;
  readonly claim: string;
  readonly configuration: string;
  readonly result: 'held' | 'broken' | 'skipped';
  /** Why it was skipped or what broke. */
  readonly reason: string;
}

/**
 * Keeps the rows of one test file and writes docs/security-results.md anew from those of all files, so that the last
 * file of a run completes it, whatever processes the files ran in.
 */
export async function recordResults(file: string, rows: readonly Row[]): Promise<void> {
  await mkdir(rowsDirectory, { recursive: true });
  const release_ = await lock(rowsDirectory, { retries: { retries: 100, minTimeout: 20, maxTimeout: 100 } });
  try {
    await replace(join(rowsDirectory, `${file}.json`), `${JSON.stringify(rows, undefined, 1)}\n`);
    const names = (await readdir(rowsDirectory)).filter((name) => name.endsWith('.json')).sort();
    const all = await Promise.all(names.map(async (name) => JSON.parse(await readFile(join(rowsDirectory, name), 'utf8')) as Row[]));
    await replace(document, formatResults(all.flat(), release()));
  } finally {
    await release_();
  }
}

/** The document: one line a case, one column a configuration, and behind it every reason for a skip. */
export function formatResults(rows: readonly Row[], kernel: string): string {
  const configurations = [...new Set(rows.map((row) => row.configuration))].sort();
  const order = new Map(proofCases('x64').map(({ id }, index) => [id, index]));
  const cases = [...new Map(rows.map((row) => [row.case, row.claim]))].sort(
    ([a], [b]) => (order.get(a) ?? order.size) - (order.get(b) ?? order.size) || (a < b ? -1 : 1),
  );
  const reasons = [...new Set(rows.filter((row) => row.result === 'skipped').map((row) => row.reason))].sort();
  const cell = (id: string, configuration: string): string => {
    const row = rows.find((each) => each.case === id && each.configuration === configuration);
    if (row === undefined) return '';
    if (row.result === 'skipped') return `skipped (${String(reasons.indexOf(row.reason) + 1)})`;
    return row.result === 'held' ? 'held' : `**broken**: ${row.reason}`;
  };
  const count = (result: Row['result']): number => rows.filter((row) => row.result === result).length;
  return [
    '# What the security suite found',
    '',
    'Written by the suite itself (`sudo scripts/test`). Every attack is tried outside of a sandbox too; where it fails even there,',
    'its failure inside says nothing, and it counts as skipped. An empty cell: the configuration does not promise it.',
    '',
    `Linux ${kernel}, ${process.arch}: ${String(cases.length)} cases in ${String(configurations.length)} configurations, ` +
      `${String(count('held'))} held, ${String(count('broken'))} broken, ${String(count('skipped'))} skipped.`,
    '',
    `| case | promise | ${configurations.join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(configurations.length)}`,
    ...cases.map(
      ([id, claim]) => `| ${id} | ${escapeCell(claim)} | ${configurations.map((each) => escapeCell(cell(id, each))).join(' | ')} |`,
    ),
    '',
    '## Why cases were skipped',
    '',
    ...reasons.map((reason, index) => `${String(index + 1)}. ${reason}`),
    '',
  ].join('\n');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

async function replace(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

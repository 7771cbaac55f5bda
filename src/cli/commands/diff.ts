import { isatty } from 'node:tty';

import { renderChangeReport } from '../../changes/report/render-report.ts';
import { renderHtml } from '../../changes/render/html/page.ts';
import { renderJson } from '../../changes/render/json.ts';
import { nameLine } from '../../changes/render/names.ts';
import { porcelainLine } from '../../changes/render/porcelain.ts';
import { renderText } from '../../changes/render/text.ts';
import { type SessionChanges, withMoves, withSessionChanges } from '../../diff/session-changes.ts';
import { IsolateError } from '../../error.ts';
import { callerContext } from '../../template/context.ts';
import { writeFileSync } from 'node:fs';
import { print, write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';

/** `isolate diff NAME` */
export async function diffVerb(parsed: ParsedArguments): Promise<number> {
  const [name] = parsed.words;
  if (name === undefined) throw new IsolateError('usage', 'No session was given.', { hint: 'isolate diff NAME' });
  const { facts } = await callerContext();
  const warn = (message: string): void => void write(2, `isolate: ${message}\n`);
  await withSessionChanges(name, facts, warn, async (found) => {
    const changes = await withMoves(facts, found, !parsed.flags.has('porcelain'));
    for await (const part of render(parsed, name, { ...found, changes })) print(part);
  });
  return 0;
}

async function* render({ flags, values }: ParsedArguments, name: string, { changes, report }: SessionChanges): AsyncGenerator<string> {
  const zero = flags.has('null');
  const page = values.get('html');
  if (page !== undefined) {
    writeFileSync(page, [...renderHtml({ title: `Changes of session ${name}`, report, changes, patches: new Map() })].join(''));
  } else if (flags.has('json')) {
    yield* renderJson(changes, report);
  } else if (flags.has('porcelain')) {
    for (const change of changes) yield Buffer.from(porcelainLine(change, { zero })).toString('latin1');
  } else if (flags.has('name-only')) {
    for (const change of changes) yield Buffer.from(nameLine(change, { zero })).toString('latin1');
  } else {
    const all = flags.has('all');
    yield renderChangeReport(report, { mostItems: 5, all });
    yield '\n';
    yield renderText(changes, { colour: isatty(1), all });
  }
}

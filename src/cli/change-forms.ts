import type { Change } from '../changes/change.ts';
import { renderHtml } from '../changes/render/html/page.ts';
import { renderJson } from '../changes/render/json.ts';
import { nameLine } from '../changes/render/names.ts';
import { renderPatch, showPatch } from '../changes/render/patch.ts';
import { porcelainLine } from '../changes/render/porcelain.ts';
import { type LineCounts, renderStat } from '../changes/render/stat.ts';
import { diffTexts, type TextDiff } from '../changes/render/text-diff.ts';
import { renderText } from '../changes/render/text.ts';
import { renderChangeReport } from '../changes/report/render-report.ts';
import { toSarif } from '../changes/report/sarif.ts';
import type { FoundChanges } from '../diff/find-changes.ts';
import type { ChangedRoot } from '../run/changed-root.ts';
import { withContents } from '../diff/read-files.ts';
import { IsolateError } from '../error.ts';
import { toJson } from '../json.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { version } from './version.ts';

/** Options that choose what is printed instead of the report and the list. */
const forms = ['stat', 'patch', 'porcelain', 'name-only', 'json', 'sarif', 'html'] as const;
export type ChangeForm = (typeof forms)[number] | 'text';

/** The one form that was asked for. Throws `usage` for more than one, and for options that the form does not have. */
export function chooseForm({ flags, values }: ParsedArguments): ChangeForm {
  const [form = 'text', other] = forms.filter((each) => flags.has(each) || values.has(each));
  if (other !== undefined) throw new IsolateError('usage', `--${form} and --${other} are two forms of the output: give one of them.`);
  if (flags.has('null') && form !== 'porcelain' && form !== 'name-only') {
    throw new IsolateError('usage', '-z is only for --porcelain and --name-only.');
  }
  if (flags.has('all') && form !== 'text') {
    throw new IsolateError('usage', `--all is for the report and the list of changes; --${form} leaves nothing out.`);
  }
  return form;
}

/** How changes are shown. */
export interface ChangeView {
  readonly form: ChangeForm;
  /** For a page: what was changed. */
  readonly title: string;
  readonly all: boolean;
  readonly zero: boolean;
  /** The reader is a terminal. */
  readonly toTerminal: boolean;
  readonly colour: boolean;
  readonly signal?: AbortSignal;
}

/** How many items of a finding are listed, beside those that always are. */
const mostItems = 5;
/** Larger texts are not compared line by line. */
const mostTextBytes = 8 * 1024 * 1024;
const mostAtOnce = 32 * 1024 * 1024;
/** A page has no room for more. */
const mostPageBytes = 512 * 1024;

/** What is printed, part by part. */
export type Parts = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/** The changes in a form. */
export function renderChanges(found: FoundChanges, open: ChangedRoot, view: ChangeView): Parts {
  const { changes, report } = found;
  const { form, zero } = view;
  switch (form) {
    case 'text':
      return renderForPeople(found, view);
    case 'stat':
      return renderCounts(changes, open, view);
    case 'patch':
      return renderPatches(changes, open, view);
    case 'porcelain':
      return mapLazily(changes, (change) => porcelainLine(change, { zero }));
    case 'name-only':
      return mapLazily(changes, (change) => nameLine(change, { zero }));
    case 'json':
      return renderJson(changes, report);
    case 'sarif':
      return [`${toJson(toSarif(report, version))}\n`];
    case 'html':
      return renderPage(found, open, view);
  }
}

function* mapLazily<T>(changes: readonly Change[], render: (change: Change) => T): Generator<T> {
  for (const change of changes) yield render(change);
}

/** The report, and below it the list of changes. `saysAll`: with how more is shown. */
export function* renderForPeople(
  { changes, report }: FoundChanges,
  { all, colour, saysAll = true }: Pick<ChangeView, 'all' | 'colour'> & { readonly saysAll?: boolean },
): Generator<string> {
  yield renderChangeReport(report, { mostItems, all, saysAll });
  if (changes.length > 0) yield `\n${renderText(changes, { colour, all, saysAll })}`;
}

async function* renderPatches(
  changes: readonly Change[],
  open: ChangedRoot,
  { toTerminal, colour, signal }: ChangeView,
): AsyncGenerator<string | Uint8Array> {
  for await (const { change, contents } of withContents(open, changes, { mostBytes: mostTextBytes, mostAtOnce }, signal)) {
    const patch = renderPatch(change, contents);
    yield toTerminal ? showPatch(patch, { colour }) : patch;
  }
}

async function* renderCounts(changes: readonly Change[], open: ChangedRoot, { signal }: ChangeView): AsyncGenerator<string> {
  const counts = new Map<string, LineCounts>();
  for await (const [path, diff] of compareTexts(changes, open, mostTextBytes, signal)) {
    if (diff.kind === 'text') counts.set(path, { added: diff.added, removed: diff.removed });
  }
  yield renderStat(changes, (path) => counts.get(path));
}

async function* renderPage({ changes, report }: FoundChanges, open: ChangedRoot, { title, signal }: ChangeView): AsyncGenerator<string> {
  // A new file or one that is gone is no difference between lines.
  const altered = changes.filter(({ before, after }) => before !== null && after !== null);
  const patches = new Map<string, TextDiff>();
  for await (const [path, diff] of compareTexts(altered, open, mostPageBytes, signal)) patches.set(path, diff);
  yield* renderHtml({ title, report, changes, patches });
}

/** The regular files with another content that are no larger, each by its path after the change. */
async function* compareTexts(
  changes: readonly Change[],
  open: ChangedRoot,
  mostBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly [path: string, diff: TextDiff]> {
  for await (const { change, contents } of withContents(open, changes, { mostBytes, mostAtOnce }, signal)) {
    const before = change.before?.kind === 'file' ? contents.before : new Uint8Array();
    const after = change.after?.kind === 'file' ? contents.after : new Uint8Array();
    const isRead = contents.before !== null || contents.after !== null;
    if (isRead && before !== null && after !== null) yield [change.path, diffTexts(before, after)];
  }
}

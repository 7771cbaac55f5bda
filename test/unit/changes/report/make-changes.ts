import type { Change, ChangeKind, FileKind, FileState } from '../../../../src/changes/change.ts';
import type { Report } from '../../../../src/changes/finding.ts';
import { makeReport } from '../../../../src/changes/report/report.ts';
import type { TextPair } from '../../../../src/changes/report/rule.ts';

/** What a test says about a side of a change; the rest is that of an ordinary file of root. */
export type Side = Partial<FileState>;

export interface Case {
  readonly changes: readonly Change[];
  readonly texts: ReadonlyMap<string, TextPair>;
}

export function state(side: Side = {}): FileState {
  const kind: FileKind = side.kind ?? 'file';
  return {
    kind,
    mode: kind === 'directory' ? 0o755 : kind === 'link' ? 0o777 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 100,
    modifiedNs: 0n,
    device: { major: 0, minor: 0 },
    inode: 1n,
    links: 1,
    target: null,
    ...side,
  };
}

export function change(path: string, kinds: readonly ChangeKind[], before: Side | null, after: Side | null): Change {
  return { path, kinds, before: before === null ? null : state(before), after: after === null ? null : state(after), attributes: [] };
}

export const added = (path: string, side: Side = {}) => change(path, ['added'], null, side);
export const deleted = (path: string, side: Side = {}) => change(path, ['deleted'], side, null);
export const edited = (path: string, before: Side = {}, after: Side = before) => change(path, ['content'], before, after);
export const directory = (path: string, side: Side = {}) => added(path, { kind: 'directory', ...side });
export const link = (path: string, target: string) => added(path, { kind: 'link', target });

export function of(...changes: readonly Change[]): Case {
  return { changes, texts: new Map() };
}

/** A file whose text is different; null: that side has none. */
export function text(path: string, before: string | null, after: string | null): Case {
  const made = before === null ? added(path) : after === null ? deleted(path) : edited(path);
  return { changes: [made], texts: new Map([[path, { before, after }]]) };
}

export function all(...cases: readonly Case[]): Case {
  return { changes: cases.flatMap(({ changes }) => changes), texts: new Map(cases.flatMap(({ texts }) => [...texts])) };
}

/** A text that no change is about. */
export function onlyText(path: string, before: string | null, after: string | null): Case {
  return { changes: [], texts: new Map([[path, { before, after }]]) };
}

export function reportOf({ changes, texts }: Case): Report {
  return makeReport(changes, texts);
}

/** The items that each rule found. */
export function itemsOf(given: Case): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(reportOf(given).findings.map(({ rule, items }) => [rule, items]));
}

/** How many each rule found. */
export function countsOf(given: Case): Readonly<Record<string, number>> {
  return Object.fromEntries(reportOf(given).findings.map(({ rule, count }) => [rule, count]));
}

/** A stanza of dpkg's status. */
export function stanza(name: string, version: string, status = 'install ok installed'): string {
  return `Package: ${name}\nStatus: ${status}\nVersion: ${version}\nDescription: some\n thing\n\n`;
}

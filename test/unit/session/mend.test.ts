import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { addSession, listSessions } from '../../../src/session/index-files.ts';
import { mendIndex } from '../../../src/session/mend.ts';
import { formatLastRun, formatSession, type SessionRecord } from '../../../src/session/record.ts';
import type { CloneInfo } from '../../../src/storage/driver.ts';

const root = { kind: 'volume', locator: 'tank/t' } as const;
const hourMs = 3_600_000;

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'isolate-index-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function record(name: string, id: string, more: Partial<SessionRecord> = {}): SessionRecord {
  const clone = { id, guid: `g${id}` };
  return {
    name,
    uid: 7,
    root,
    clone,
    owners: null,
    source: 'tank/t@1',
    createdMs: 0,
    engine: 'bwrap',
    command: ['sh'],
    usedMs: 0,
    ...more,
  };
}

function kept(session: SessionRecord, more: Partial<CloneInfo> = {}): CloneInfo {
  const { id, guid } = session.clone;
  return {
    id,
    guid,
    source: 'tank/t@1',
    marked: true,
    kept: true,
    session: formatSession(session),
    createdMs: 0,
    mountpoint: null,
    ...more,
  };
}

function mend(
  known: readonly SessionRecord[],
  clones: readonly CloneInfo[],
  others: readonly string[] = [],
  nowMs = hourMs,
): readonly string[] {
  for (const one of known) addSession({ directory }, one);
  mendIndex({ directory }, root, { clones, others: new Set(others) }, nowMs);
  return listSessions({ directory }, null).map(({ uid, name, clone }) => `${uid} ${name} ${clone.id}`);
}

test('names that agree with the storage stay', () => {
  expect(mend([record('one', '1')], [kept(record('one', '1'))])).toEqual(['7 one 1']);
});

test('lost names are made again, for their owners', () => {
  expect(mend([], [kept(record('one', '1')), kept(record('two', '2', { uid: 8 }))])).toEqual(['7 one 1', '8 two 2']);
});

test('names of clones that are not kept are removed, but not of those that a run may just be making', () => {
  expect(mend([record('old', '1'), record('young', '2', { createdMs: hourMs - 1000 })], [])).toEqual(['7 young 2']);
});

test('names of other templates are not looked at', () => {
  expect(mend([record('other', '1', { root: { kind: 'volume', locator: 'tank/u' } })], [])).toEqual(['7 other 1']);
});

test('a name that was given again meanwhile gets a number', () => {
  expect(mend([record('one', '1')], [kept(record('one', '1')), kept(record('one', '2'))])).toEqual(['7 one 1', '7 one-2 2']);
});

test('what was copied from another clone is no session', () => {
  expect(mend([], [kept(record('one', '1'), { id: '2' }), kept(record('two', '3'), { guid: 'other' })])).toEqual([]);
});

test('runs that begin or end meanwhile see to their names themselves', () => {
  expect(mend([], [kept(record('one', '1'))], ['1'])).toEqual([]);
});

test('a session is not lost that is known on a root which is written otherwise, or under another template', () => {
  const path = '/srv/debian';
  const overlay = record('one', '1', { root: { kind: 'directory', path, write: 'clone' } });
  addSession({ directory }, overlay);
  const seen = { clones: [kept(overlay)], others: new Set<string>() };
  for (const storage of ['overlay', 'btrfs'] as const) {
    mendIndex({ directory }, { kind: 'directory', path, write: 'clone', storage }, seen, hourMs);
    expect(listSessions({ directory }, null)).toEqual([overlay]);
  }
});

test('names of the other clones of a directory are not looked at', () => {
  const btrfs = record('one', '1', { root: { kind: 'directory', path: '/srv/debian', write: 'clone', storage: 'btrfs' } });
  addSession({ directory }, btrfs);
  mendIndex({ directory }, { kind: 'directory', path: '/srv/debian', write: 'clone' }, { clones: [], others: new Set() }, hourMs);
  expect(listSessions({ directory }, null)).toEqual([btrfs]);
});

test('a lost session remembers its last run, if the storage has that', () => {
  const last = { engine: 'lxc', command: ['make', 'all'], usedMs: 5 };
  mend([], [kept(record('one', '1'), { lastRun: formatLastRun(last) }), kept(record('two', '2'), { lastRun: 'half' })]);
  expect(listSessions({ directory }, null)).toEqual([{ ...record('one', '1'), ...last }, record('two', '2')]);
});

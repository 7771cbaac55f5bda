import { idsPerSandbox, maximumId } from '../spec/parse-number.ts';
import type { IdRange } from './facts.ts';

/**
 * The ranges that /etc/subuid or /etc/subgid gives a user, in file order, from lines with the user's name or uid.
 * Lines newuidmap(1) would refuse (not three fields, not plain decimal numbers, beyond the 32 bits of an id) are
 * skipped. Source: subuid(5).
 */
export function parseSubids(text: string, name: string | null, uid: number | null): readonly IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split('\n')) {
    const [owner, startText, countText, ...rest] = line.split(':');
    if (startText === undefined || countText === undefined || rest.length > 0) continue;
    if (owner === '' || (owner !== name && owner !== String(uid))) continue;
    const range = parseRange(startText, countText);
    if (range !== null) ranges.push(range);
  }
  return ranges;
}

/** All ranges in /etc/subuid or /etc/subgid, for every user. */
export function parseSubidRanges(text: string): readonly IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [owner, startText, countText, ...rest] = line.split(':');
    if (owner === undefined || owner === '' || startText === undefined || countText === undefined || rest.length > 0) return [];
    return parseRange(startText, countText) ?? [];
  });
}

/**
 * The range of ids for root's sandboxes if the user `isolate` has no subordinate ids: 0x70000000 to
 * 0x7ffdffff. systemd's "Users, Groups, UIDs and GIDs on systemd Systems" lists it as unused: it follows the block of
 * systemd-nspawn's containers and ends before that of foreign images, so neither users, services nor containers have
 * ids in it; and it is below 2^31, beyond which devpts fails.
 */
export const builtInSandboxIds: IdRange = { start: 1_879_048_192, count: 268_304_384 };

/** The largest range that holds at least two sandboxes, because clones with shifted owners share the first; else the built-in block. */
export function chooseSandboxIds(ranges: readonly IdRange[]): IdRange {
  let chosen: IdRange | null = null;
  for (const range of ranges) {
    if (range.count >= 2 * idsPerSandbox && (chosen === null || range.count > chosen.count)) chosen = range;
  }
  return chosen ?? builtInSandboxIds;
}

/**
 * The command that gives a user the first block of subordinate ids that these ranges give nobody, because users who share ids can read and
 * change each other's files. useradd(8) begins at the same id.
 */
export function subordinateIdsCommand(name: string | null, taken: readonly IdRange[]): string {
  let start = 100_000;
  for (const range of taken.toSorted((left, right) => left.start - right.start)) {
    if (range.start < start + idsPerSandbox) start = Math.max(start, range.start + range.count);
  }
  const block = `${start}-${start + idsPerSandbox - 1}`;
  return `usermod --add-subuids ${block} --add-subgids ${block} ${name ?? 'USER'}`;
}

function parseRange(startText: string, countText: string): IdRange | null {
  if (!/^\d{1,10}$/.test(startText) || !/^\d{1,10}$/.test(countText)) return null;
  const start = Number(startText);
  const count = Number(countText);
  // A range from 0 would include root; one beyond the last id cannot be mapped.
  if (start === 0 || count === 0 || start + count - 1 > maximumId) return null;
  return { start, count };
}

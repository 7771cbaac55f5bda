import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatCloneRecord,
  formatLeaseName,
  formatRetiredRecord,
  isCloneId,
  parseCloneRecord,
  parseLeaseName,
  parseRetiredRecord,
} from '../../../../src/pool/state/state-file.ts';
import type { CloneRecord } from '../../../../src/pool/state/state-file.ts';
import { rootfsOf } from '../../../../src/rootfs/rootfs.ts';

const holder = { pid: 42, startTime: '4711', bootId: '01234567-89ab-cdef-0123-456789abcdef' };
const state: CloneRecord = {
  id: '17',
  guid: '123456789012345678',
  source: 'tank/t@1',
  rootfs: rootfsOf({
    kind: 'overlay',
    lower: '/srv/t',
    upperParent: '/var/lib/isolate/overlay/t/17',
    ownership: { kind: 'shifted', uidBase: 100_000, gidBase: 200_000 },
    idmappable: { lower: true, upper: true },
  }),
  createdMs: 1_700_000_000_000,
  device: 77,
  inode: 4,
};

describe('a state file', () => {
  test('comes back whole', () => {
    expect(parseCloneRecord(formatCloneRecord(state))).toEqual(state);
    const plain: CloneRecord = {
      ...state,
      rootfs: { parts: [{ kind: 'tree', source: '/a', ownership: { kind: 'natural' }, idmappable: true }] },
    };
    expect(parseCloneRecord(formatCloneRecord(plain))).toEqual(plain);
  });

  test('that was cut short anywhere is not trusted', () => {
    const text = formatCloneRecord(state);
    for (let length = 0; length < text.length; length += 1) expect(parseCloneRecord(text.slice(0, length))).toBeNull();
  });

  test('of another version, or with a part missing or of another type, is not trusted', () => {
    const whole = JSON.parse(formatCloneRecord(state)) as Record<string, unknown>;
    expect(parseCloneRecord(`${JSON.stringify({ ...whole, version: 2 })}\n`)).toBeNull();
    for (const key of Object.keys(whole)) {
      for (const value of [undefined, null, [], {}, true, -1, '\0']) {
        if (key === 'guid' && value === '\0') continue;
        if (key === 'source' && value === '\0') continue;
        expect({ key, value, state: parseCloneRecord(`${JSON.stringify({ ...whole, [key]: value })}\n`) }).toEqual({
          key,
          value,
          state: null,
        });
      }
    }
    const relative = { ...state, rootfs: rootfsOf({ kind: 'tree', source: 'etc', ownership: { kind: 'natural' }, idmappable: true }) };
    expect(parseCloneRecord(formatCloneRecord(relative))).toBeNull();
  });

  test('of garbage never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json().map((json) => `${json}\n`),
        ),
        (text) => {
          expect(parseCloneRecord(text)).toBeNull();
          expect(parseRetiredRecord(text)).toEqual({ attempts: 0, nextAttemptMs: 0 });
        },
      ),
    );
  });

  test('of a retired clone tells its back-off', () => {
    expect(parseRetiredRecord(formatRetiredRecord({ attempts: 3, nextAttemptMs: 1234 }))).toEqual({ attempts: 3, nextAttemptMs: 1234 });
    expect(parseRetiredRecord(formatCloneRecord(state))).toEqual({ attempts: 0, nextAttemptMs: 0 });
  });

  test('is named by the id, and of a leased clone by its holder too', () => {
    expect(parseLeaseName(formatLeaseName('17', holder))).toEqual({ id: '17', holder });
    expect(['17', '17.', 'x.42.4711', `17.42.4711`, `.17.${holder.bootId}`, `../17.42.4711.${holder.bootId}`].map(parseLeaseName)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(['1', '01', '12345678901234567890', '', '123456789012345678901', '-1', '1a', '1\n', '..'].map(isCloneId)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

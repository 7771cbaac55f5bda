import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { poolPaths, runtimePaths, templateKey } from '../../../src/pool/paths.ts';
import { escapeUnitName, unescapeUnitName } from '../../../src/pool/unit-escape.ts';

const text = fc.string({ unit: 'binary', minLength: 1 });

describe('a unit name', () => {
  test.each([
    ['rpool/isolate/debisl', 'rpool-isolate-debisl'],
    ['tank/a-b', String.raw`tank-a\x2db`],
    ['.hidden', String.raw`\x2ehidden`],
    ['a b%c:d_e.f', String.raw`a\x20b\x25c:d_e.f`],
    ['ü', String.raw`\xc3\xbc`],
  ])('of %j is %j', (name, escaped) => {
    expect(escapeUnitName(name)).toBe(escaped);
    expect(unescapeUnitName(escaped)).toBe(name);
  });

  test('comes back whole from being escaped, and fits in one path component', () => {
    fc.assert(
      fc.property(text, (name) => {
        const escaped = escapeUnitName(name);
        expect(unescapeUnitName(escaped)).toBe(name);
        expect(escaped).toMatch(/^[A-Za-z0-9:_.\\-]*$/);
        expect(escaped.startsWith('.')).toBe(false);
      }),
    );
  });

  test('that was not made by escaping is refused, never guessed', () => {
    for (const escaped of [String.raw`\x2`, String.raw`\x41`, String.raw`\X2d`, 'a/b', '.a', String.raw`\xff`, 'a b']) {
      expect(() => unescapeUnitName(escaped)).toThrow(`"${escaped}" is not an escaped unit name.`);
    }
    fc.assert(
      fc.property(text, (escaped) => {
        try {
          expect(escapeUnitName(unescapeUnitName(escaped))).toBe(escaped);
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-name' });
        }
      }),
    );
  });

  test.skipIf(!existsSync('/usr/bin/systemd-escape'))('is what systemd-escape makes of it', () => {
    const names = ['rpool/isolate/debisl', 'a-b/c_d.e:f', '.a/.b', 'a b', 'a//b', '/a', 'a/', 'ünï/cödé', 'x@y,z+%'];
    const made = execFileSync('/usr/bin/systemd-escape', ['--', ...names], { encoding: 'utf8', timeout: 60_000 });
    expect(names.map(escapeUnitName).join(' ')).toBe(made.trim());
  });
});

describe('state of a template', () => {
  test('is kept under its escaped name', () => {
    expect(poolPaths(runtimePaths('/run/isolate'), 'tank/a-b')).toEqual({
      key: String.raw`tank-a\x2db`,
      directory: String.raw`/run/isolate/pools/tank-a\x2db`,
      fresh: String.raw`/run/isolate/pools/tank-a\x2db/fresh`,
      leased: String.raw`/run/isolate/pools/tank-a\x2db/leased`,
      kept: String.raw`/run/isolate/pools/tank-a\x2db/kept`,
      retired: String.raw`/run/isolate/pools/tank-a\x2db/retired`,
      lock: String.raw`/run/isolate/pools/tank-a\x2db/lock`,
      memory: String.raw`/run/isolate/pools/tank-a\x2db/settings`,
      told: String.raw`/run/isolate/pools/tank-a\x2db/told`,
      making: String.raw`/run/isolate/pools/tank-a\x2db/making`,
      lastRefresh: String.raw`/run/isolate/pools/tank-a\x2db/last-refresh`,
      signal: String.raw`/run/isolate/signal/tank-a\x2db`,
      mounts: String.raw`/run/isolate/mnt/tank-a\x2db`,
    });
  });

  test('is kept under a hash where the name would be too long', () => {
    expect(templateKey('a/'.repeat(100))).toHaveLength(200);
    expect(templateKey(`${'a/'.repeat(100)}b`)).toMatch(/^\+[0-9a-f]{64}$/);
    expect(templateKey(`${'a/'.repeat(100)}c`)).not.toBe(templateKey(`${'a/'.repeat(100)}b`));
  });
});

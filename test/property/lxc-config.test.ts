import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IsolateError } from '../../src/error.ts';
import { encodeLxcConfig, formatMountEntry, type LxcSetting } from '../../src/engine/lxc-config.ts';

/** What LXC makes of a configuration: lines, ended by \r too, trimmed, split at the first "=", one pair of quotes taken away (confile.c). */
function readAsLxc(content: Uint8Array): LxcSetting[] {
  return new TextDecoder()
    .decode(content)
    .split(/[\n\r]/)
    .map((line) => line.replace(/^[ \t\n]+/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): LxcSetting => {
      const at = line.indexOf('=');
      const value = line.slice(at + 1).replace(/^[ \t\n]+|[ \t\n]+$/g, '');
      const quoted = value.length > 1 && /^["']/.test(value) && value.endsWith(value.charAt(0));
      return [line.slice(0, at).replace(/[ \t\n]+$/, ''), quoted ? value.slice(1, -1) : value];
    });
}

/** getmntent(3). */
function readAsFstab(line: string): string[] {
  return line
    .split(/[ \t]+/)
    .map((field) => field.replaceAll(/\\(040|011|012|134)/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^["' =#\\a-z\t]*$/),
  fc.constantFrom('x\nlxc.hook.start = /bin/sh', 'x\rlxc.hook.start = /bin/sh', '"', "'", '""', '#', 'a = b', '\u0085lxc.include = /x'),
);

const mostRuns = { numRuns: 2000 };

test('LXC reads every setting as it was meant, or none is written', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('lxc.init.cwd', 'lxc.uts.name', 'lxc.rootfs.path'), anyText)), (settings) => {
      let content: Uint8Array;
      try {
        content = encodeLxcConfig(settings);
      } catch (error) {
        expect(error).toBeInstanceOf(IsolateError);
        return;
      }
      expect(readAsLxc(content)).toEqual(settings);
    }),
    mostRuns,
  );
});

test('LXC reads every mount entry as it was meant, or none is written', () => {
  const path = anyText.map((text) => `/${text}`);
  fc.assert(
    fc.property(path, path, (source, target) => {
      const value = formatMountEntry({ source, target, type: 'none', options: ['bind', 'ro'] });
      let content: Uint8Array;
      try {
        content = encodeLxcConfig([['lxc.mount.entry', value]]);
      } catch (error) {
        expect(error).toBeInstanceOf(IsolateError);
        return;
      }
      expect(readAsFstab(readAsLxc(content)[0]?.[1] ?? '')).toEqual([source, target, 'none', 'bind,ro']);
    }),
    mostRuns,
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { setTopKey } from '../../../src/config/set-key.ts';
import { parseToml } from '../../../src/config/toml.ts';

test('a key that is not there becomes the first line', () => {
  expect(setTopKey('[presets.build]\nmemory = "1G"\n', 'template', 'debian')).toBe('template = "debian"\n[presets.build]\nmemory = "1G"\n');
});

test('an example of the key is replaced, but not one in a table', () => {
  expect(setTopKey('# Settings\n#template = "x"\n\n[aliases]\n', 'template', 'debian')).toBe(
    '# Settings\ntemplate = "debian"\n\n[aliases]\n',
  );
  expect(setTopKey('[presets.a]\n#template = "x"\n', 'template', 'debian')).toBe('template = "debian"\n[presets.a]\n#template = "x"\n');
});

test('the value of a key is replaced, and its comment stays', () => {
  expect(setTopKey("engine = 'lxc'\ntemplate = 'a' # the old one\n", 'template', 'debian')).toBe(
    'engine = \'lxc\'\ntemplate = "debian" # the old one\n',
  );
});

test('the key of a table is not the key before all tables', () => {
  expect(setTopKey('[presets.a]\ntemplate = "x"\n', 'template', 'debian')).toBe('template = "debian"\n[presets.a]\ntemplate = "x"\n');
});

test('a value that goes on beyond its line is left to its user', () => {
  expect(setTopKey('template = """\ndebian"""\n', 'template', 'x')).toBeNull();
  expect(setTopKey('template = [\n"a"]\n', 'template', 'x')).toBeNull();
});

test('whatever is set is read back, and the other keys stay', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme-ascii' }), fc.string({ unit: 'grapheme-ascii' }), async (first, second) => {
      const before = `# a\nengine = "lxc"\n[aliases]\nb = ["run"]\n`;
      const once = setTopKey(before, 'template', first) ?? '';
      const twice = setTopKey(once, 'template', second) ?? '';
      expect(await parseToml(twice)).toEqual({ table: { template: second, engine: 'lxc', aliases: { b: ['run'] } } });
    }),
  );
});

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shells } from '../../src/cli/completion-words.ts';
import { renderCompletion } from '../../src/cli/completion.ts';
import { renderHelp } from '../../src/cli/help.ts';
import { renderManPage } from '../../scripts/man-page.ts';
import { options } from '../../src/cli/options.ts';
import { allVerbs as verbs } from '../../src/cli/verbs.ts';
import { engines } from '../../src/engine/registry.ts';

const help = renderHelp(engines, null);
const manPage = renderManPage(engines, '1.2.3');

test('--help prints the golden text', async () => {
  await expect(help).toMatchFileSnapshot('cli/help.txt');
});

test('the manual page is the golden text', async () => {
  await expect(manPage).toMatchFileSnapshot('cli/isolate.1');
});

test('help on a run prints the golden text', async () => {
  await expect(renderHelp(engines, 'run')).toMatchFileSnapshot('cli/help-run.txt');
});

test('help on templates prints the golden text', async () => {
  await expect(renderHelp(engines, 'template')).toMatchFileSnapshot('cli/help-template.txt');
});

test('no line of any help is longer than 80 columns', () => {
  const texts = [help, ...verbs.map((verb) => renderHelp(engines, verb))];
  expect(texts.flatMap((text) => text.split('\n')).filter((line) => line.length > 80)).toEqual([]);
});

test.each(options)('--$long is in help, the manual page and every completion', (option) => {
  const spelled = option.short === undefined ? `--${option.long}` : `-${option.short}, --${option.long}`;
  expect(renderHelp(engines, option.verbs[0])).toContain(spelled);
  expect(manPage).toContain(spelled.replaceAll('-', String.raw`\-`));
  for (const shell of shells) {
    expect(renderCompletion(shell, ['bwrap'])).toContain(shell === 'fish' ? `-l ${option.long} ` : `--${option.long}`);
  }
});

test('help on a verb has the options of that verb alone', () => {
  for (const verb of verbs) {
    const text = renderHelp(engines, verb);
    for (const { long, verbs: its } of options) {
      expect({ long, listed: new RegExp(`^ .{5}--${long}( |\\[|$)`, 'm').test(text) }).toEqual({ long, listed: its.includes(verb) });
    }
  }
});

test('help on what has to do with the daemon, and the manual page, name its settings, its socket and its group', () => {
  for (const text of [manPage.replaceAll('\\', ''), ...(['serve', 'status', 'ps'] as const).map((verb) => renderHelp(engines, verb))]) {
    for (const name of ['/etc/isolate/config.toml', '/etc/isolate/config.d/*.toml', '/run/isolate/isolated.sock', 'group isolate']) {
      expect(text).toContain(name);
    }
  }
  expect(renderHelp(engines, 'doctor')).not.toContain('Files');
});

test('the help of --engine names every engine, the one that runs by itself first', () => {
  const [first, ...others] = engines.map(({ name }) => name);
  const last = others.pop();
  const { help: said } = options.find(({ long }) => long === 'engine') ?? {};
  expect(said).toBe(`engine: ${[`${first} (default)`, ...others].join(', ')} or ${last}`);
});

test.each(verbs)('no two options of %s share a name', (verb) => {
  const own = options.filter(({ verbs: its }) => its.includes(verb));
  const names = own.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
  expect(names.length).toBe(new Set(names).size);
});

test('man takes the page without a warning', () => {
  const { stdout, stderr, status } = spawnSync('groff', ['-man', '-t', '-Tascii', '-ww', '-P-cbou'], { input: manPage, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('SYNOPSIS');
});

test('the documentation of options names every one of them', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/options.md'), 'utf8');
  expect(options.filter(({ long }) => !text.includes(`\`--${long}`)).map(({ long }) => long)).toEqual([]);
});

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { shells } from '../../src/cli/completion-words.ts';
import { renderCompletion } from '../../src/cli/completion.ts';
import { renderHelp } from '../../src/cli/help.ts';
import { pageOf, renderManPage, renderVerbPage } from '../../scripts/man-page.ts';
import { options } from '../../src/cli/options.ts';
import { verbHelp } from '../../src/cli/verb-help.ts';
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

test('the manual page of a verb is the golden text', async () => {
  await expect(renderVerbPage('enter', engines, '1.2.3')).toMatchFileSnapshot('cli/isolate-enter.1');
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

test('help on a verb and its manual page have the options of that verb alone, and its examples', () => {
  for (const verb of verbs) {
    const text = renderHelp(engines, verb);
    const page = renderVerbPage(verb, engines, '1.2.3').replaceAll('\\-', '-');
    for (const { long, verbs: its } of options) {
      const found = [
        new RegExp(`^ .{5}--${long}( |\\[|$)`, 'm').test(text),
        new RegExp(`^\\.B (?:-., )?--${long}( |\\[|$)`, 'm').test(page),
      ];
      expect({ verb, long, found }).toEqual({ verb, long, found: [its.includes(verb), its.includes(verb)] });
    }
    for (const [line] of verbHelp[verb].examples) expect(page.replaceAll(/\\e/g, '\\').replaceAll('\\&', '')).toContain(`.B ${line}\n`);
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

test('man takes every page without a warning', () => {
  for (const input of [manPage, ...verbs.map((verb) => renderVerbPage(verb, engines, '1.2.3'))]) {
    const { stdout, stderr, status } = spawnSync('groff', ['-man', '-t', '-Tascii', '-ww', '-P-cbou'], { input, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('SYNOPSIS');
  }
});

test('the build has the page of isolate and one of each verb', () => {
  const pages = readdirSync(join(import.meta.dirname, '../../dist')).filter((name) => name.endsWith('.1'));
  expect(pages.toSorted()).toEqual(['isolate', ...verbs.map(pageOf)].map((name) => `${name}.1`).toSorted());
});

test('the documentation of options names every one of them', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/options.md'), 'utf8');
  expect(options.filter(({ long }) => !text.includes(`\`--${long}`)).map(({ long }) => long)).toEqual([]);
});

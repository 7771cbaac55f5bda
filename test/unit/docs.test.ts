import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { errorCodes } from '../../src/error.ts';
import { engineRows } from '../../src/cli/engine-table.ts';
import { options } from '../../src/cli/options.ts';
import { parseArguments } from '../../src/cli/parse-arguments.ts';
import { toRunRequest } from '../../src/cli/run-request.ts';
import { engines } from '../../src/engine/registry.ts';
import type { RunRequest } from '../../src/spec/request.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';

const top = join(import.meta.dirname, '../..');
const files = globSync(['*.md', 'docs/*.md'], { cwd: top }).toSorted();
const handwritten = files.filter((file) => file !== 'docs/security-results.md');

test('every relative link leads to a file, and every anchor to a heading', () => {
  const broken = files.flatMap((file) =>
    [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !isThere(file, target))
      .map((target) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('every page below docs can be reached from the README', () => {
  const linked = new Set([...read('README.md').matchAll(/\]\((docs\/[^)#]+)/g)].map(([, target]) => target));
  expect(files.filter((file) => file.startsWith('docs/') && !linked.has(file))).toEqual([]);
});

test('isolate takes every command line that docs give', async () => {
  const unknown = await Promise.all(handwritten.flatMap((file) => commandsOf(file).map(async (command) => refusal(file, command))));
  expect(unknown.filter((line) => line !== null)).toEqual([]);
});

test('every long option that docs name is one of isolate, but for those known to be of other programs', () => {
  const known = new Set([...options.map(({ long }) => `--${long}`), ...optionsOfOthers]);
  const unknown = handwritten.flatMap((file) =>
    [...read(file).matchAll(/`(--[a-z0-9-]+)[^`]*`/g)].flatMap(([, name = '']) => (known.has(name) ? [] : [`${file}: ${name}`])),
  );
  expect(unknown).toEqual([]);
});

test('docs/virt-sandbox.md names tests that there are', () => {
  const rows = [...read('docs/virt-sandbox.md').matchAll(/^\| [A-Z]\d.* \| ((?:e2e|unit|security)\/[a-z/-]+): (.+) \|$/gm)];
  const missing = rows.filter(([, file = '', title = '']) => !read(`test/${file}.test.ts`).includes(title));
  expect({ rows: rows.length > 40, missing: missing.map(([row]) => row) }).toEqual({ rows: true, missing: [] });
});

test('docs/options.md has a row for every option, with its short form', () => {
  const page = read('docs/options.md');
  const missing = options.filter(
    ({ long, short }) => !page.includes(`\`--${long}`) || (short !== undefined && !page.includes(`\`-${short}\``)),
  );
  expect(missing.map(({ long }) => long)).toEqual([]);
});

test('docs/exit-status.md lists every error code, in the order of src/error.ts, and the two outcomes that --json tells of', () => {
  const listed = [...read('docs/exit-status.md').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
  expect(listed).toEqual([...errorCodes, 'not-executed', 'timed-out']);
});

test("the README's table of engines is what the engines' capability records say", () => {
  const readme = read('README.md');
  const [whole = '', before = '', , after = ''] = /(<!-- engines:[^\n]*\n\n)([^]*?)(\n<!-- end of engines -->)/.exec(readme) ?? [];
  if (process.env['UPDATE'] === '1') writeFileSync(join(top, 'README.md'), readme.replace(whole, `${before}${engineTable()}${after}`));
  expect(read('README.md')).toContain(`\n${engineTable()}\n`);
});

test("the table of templates in docs/engines.md is what the engines' capability records say", () => {
  const rows = [
    ['', ...engines.map(({ name }) => name)],
    engines.map(() => '---').concat('---'),
    ['mounts over', ...engines.map(({ capabilities }) => capabilities.mountpoints.join(' '))],
    ['own files in', ...engines.map(({ capabilities }) => capabilities.ownTrees.join(' '))],
    ['own host name', ...engines.map(({ capabilities }) => (capabilities.features.includes('hostname') ? 'yes' : '-'))],
  ];
  const table = rows.map((row) => `| ${row.join(' | ')} |\n`.replace('|  |', '| |')).join('');
  expect(read('docs/engines.md')).toContain(`capability records -->\n\n${table}\n<!-- end of templates -->`);
});

test('no page names a directory of the machine it was written on', () => {
  const named = files.filter((file) => /\/(home|work|tmp\/lab)\/[a-z]/.test(read(file).replaceAll('/home/USER', '')));
  expect(named).toEqual([]);
});

test('the TypeScript of the pages is valid against the library as it is', async () => {
  const directory = await mkdtemp(join(top, '.cache/docs-'));
  try {
    const blocks = files.flatMap((file) => [...read(file).matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = '']) => code));
    expect(blocks.length).toBeGreaterThan(3);
    await Promise.all(blocks.map((code, index) => writeFile(join(directory, `block-${index}.ts`), code)));
    const compilerOptions = { paths: { 'isolate-clone': [join(top, 'src/index.ts')] }, rootDir: top };
    await writeFile(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }),
    );
    const args = [join(top, 'node_modules/typescript/bin/tsc'), '-p', directory];
    const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toBe('');
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** Long options of other programs that docs name in a code span of their own. */
const optionsOfOthers = new Set([
  '--clean',
  '--remove',
  '--whole',
  '--die-with-parent',
  '--seccomp',
  '--userns',
  '--args',
  '--chroot',
  '--volatile',
  '--rootfs',
]);

function read(file: string): string {
  return readFileSync(join(top, file), 'utf8');
}

/** Without code, in which brackets mean other things. */
function prose(file: string): string {
  return read(file)
    .replaceAll(/^```[^]*?^```/gm, '')
    .replaceAll(/^ {4}.*$/gm, '')
    .replaceAll(/`[^`]*`/g, '');
}

function isThere(file: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const page = path === '' ? file : join(dirname(file), path);
  if (!existsSync(join(top, page))) return false;
  return anchor === undefined || headings(page).includes(anchor);
}

function headings(file: string): string[] {
  return [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** The command lines of code blocks that begin with isolate, by way of sudo or not; not the forms that show what may be given. */
function commandsOf(file: string): string[] {
  const fenced = [...read(file).matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = '']) => block.split('\n'));
  const indented = [...read(file).matchAll(/^ {4}(.*)$/gm)].map(([, line = '']) => line);
  return [...fenced, ...indented].flatMap((line) => {
    const command = /^(?:[$#] )?(?:sudo )?(isolate (?!.*[[|]|\(Node\)).*)$/.exec(line)?.[1];
    return command === undefined ? [] : [command.replace(/ +#.*$/, '')];
  });
}

/** What isolate itself says against a command line of the docs, with the page it is on; null: nothing. */
async function refusal(file: string, command: string): Promise<string | null> {
  try {
    const parsed = await parseArguments(splitWords(command).slice(1));
    if (
      parsed.verb === 'run' &&
      ['refresh', 'help', 'version', 'install-wrapper'].every((name) => !parsed.flags.has(name) && !parsed.values.has(name))
    ) {
      resolveSpec(
        { engine: '', ...settled(file, toRunRequest(parsed)) },
        { environment: { DISPLAY: ':0', LANG: 'C' }, cwd: '/', readFile: () => '' },
      );
    }
    return null;
  } catch (error) {
    return `${file}: ${command}: ${(error as Error).message}`;
  }
}

/** Names of templates are taken to be there, and the settings that some pages are about to say the rest (test/e2e/settings-docs.test.ts). */
function settled(file: string, request: RunRequest): RunRequest {
  const { clone, zfs, template } = request;
  if (clone !== undefined) return { ...request, clone: '/template' };
  if (!['README.md', 'docs/settings.md', 'docs/templates.md'].includes(file) || zfs !== undefined || template !== undefined) return request;
  return { ...request, clone: '/template' };
}

/** Splits as a shell does where nothing but quotes is special; redirections and what follows them are left out. */
function splitWords(command: string): string[] {
  const words = [...command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ''));
  const end = words.findIndex((word) => /^(?:[0-9]*[<>|&]|&&$)/.test(word));
  return end < 0 ? words : words.slice(0, end);
}

function engineTable(): string {
  const cells = engineRows(engines);
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const [head = [], ...rest] = cells;
  return `${line(head)}${line(widths.map((width) => '-'.repeat(width)))}${rest.map(line).join('')}`;
}

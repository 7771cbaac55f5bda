import { execFile } from 'node:child_process';
import { cp, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { floors, hostParsers, layers, mostLines, packageHomes, pureBuiltins, strangers } from '../../layers.ts';

const top = join(import.meta.dirname, '../..');

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

test('no file below src imports against the order of the layers', async () => {
  expect((await importsOf(top)).flatMap(problems)).toEqual([]);
});

test('every arrow between rooms goes down', () => {
  const rooms = Object.keys(layers);
  const up = Object.entries(layers).flatMap(([room, { code, types }]) =>
    [...code, ...types].filter((other) => rooms.indexOf(other) >= rooms.indexOf(room)).map((other) => `${room} -> ${other}`),
  );
  expect(up).toEqual([]);
});

test('no file below src is in a circle of imports, of types or code', async () => {
  const arrows = new Map<string, string[]>();
  for (const { file, specifier } of await importsOf(top)) {
    if (specifier.startsWith('.')) arrows.set(file, [...(arrows.get(file) ?? []), normalize(join(dirname(file), specifier))]);
  }
  const inCircle = [...arrows.keys()].filter((file) => reachedFrom(file, arrows).has(file));
  expect(inCircle).toEqual([]);
});

test('no file below src is too long', async () => {
  const long: string[] = [];
  for await (const file of glob('src/**/*.ts', { cwd: top })) {
    const lines = (await readFile(join(top, file), 'utf8')).split('\n').length - 1;
    if (lines > mostLines.file) long.push(file);
  }
  expect(long).toEqual([]);
});

test('the walk reports each kind of forbidden import', () => {
  const code = (file: string, specifier: string) => problems({ file, specifier, typeOnly: false });
  expect(code('src/spec/a.ts', '../run/run.ts')).toEqual(['src/spec/a.ts imports code of src/run']);
  expect(code('src/pool/a.ts', '../engine/engine.ts')).toEqual(['src/pool/a.ts imports code of src/engine']);
  expect(problems({ file: 'src/pool/a.ts', specifier: '../engine/engine.ts', typeOnly: true })).toEqual([]);
  expect(code('src/engine/a.ts', 'node:fs')).toEqual(['src/engine/a.ts is pure and imports node:fs']);
  expect(code('src/engine/a.ts', '../host/mountinfo.ts')).toEqual([]);
  expect(code('src/engine/a.ts', '../host/probe.ts')).toEqual(['src/engine/a.ts imports code of src/host']);
  expect(code('src/host/mountinfo.ts', './read-text.ts')).toEqual(['src/host/mountinfo.ts is pure and imports src/host/read-text.ts']);
  expect(code('src/cli/render.ts', 'execa')).toEqual(['src/cli/render.ts imports execa, whose home is src/process/command.ts']);
  expect(code('src/cli/render.ts', 'lodash')).toEqual(['src/cli/render.ts imports lodash, whose home is nowhere']);
  expect(code('src/storage/zfs/a.ts', '../overlay/b.ts')).toEqual(['src/storage/zfs/a.ts knows its neighbour overlay']);
  expect(code('src/pool/state/a.ts', '../lease/b.ts')).toEqual(['src/pool/state/a.ts imports src/pool/lease/b.ts, which is not below it']);
  expect(code('src/run/a.ts', '../../test/rig/rootfs.ts')).toEqual(['src/run/a.ts leaves src']);
});

test('nothing below src takes its command line or variables from its own process, which has none of the caller’s', async () => {
  const mayLook = new Set(['src/cli/caller.ts', 'src/cli/own-process.ts', 'src/process/caller-environment.ts']);
  const found: string[] = [];
  for await (const file of glob('src/**/*.ts', { cwd: top })) {
    if (!mayLook.has(file) && /\bprocess\.(?:env|argv)\b/.test(await readFile(join(top, file), 'utf8'))) found.push(file);
  }
  expect(found).toEqual([]);
});

test('nothing prints a line of JSON but by toJson, which escapes what is dangerous to a terminal', async () => {
  const found: string[] = [];
  for await (const file of glob(['src/cli/**/*.ts', 'src/log.ts'], { cwd: top })) {
    if (/JSON\.stringify\(.*\\n`/.test(await readFile(join(top, file), 'utf8'))) found.push(file);
  }
  expect(found).toEqual([]);
});

test('the linter reports a planted violation of each layer rule', { timeout: 120_000 }, async () => {
  const planted = {
    'src/spec/a.ts': ["import { run } from '../run/run.ts';", 'no-restricted-imports'],
    'src/engine/b.ts': ["import { readFileSync } from 'node:fs';", 'no-restricted-imports'],
    'src/engine/c.ts': ['export const now = Date.now();', 'no-restricted-globals'],
    'src/host/probe.ts': ['export const probe = 1;', ''],
    'src/host/mountinfo.ts': ["import { readFileSync } from 'node:fs';", 'no-restricted-imports'],
    'src/engine/d.ts': ["import { probe } from '../host/probe.ts';", 'no-restricted-imports'],
    'src/cli/commands/e.ts': ["import { execa } from 'execa';", 'no-restricted-imports'],
    'src/storage/zfs/f.ts': ["import { g } from '../overlay/g.ts';", 'no-restricted-imports'],
    'src/upkeep/watch.ts': ["import { execa } from 'execa';", 'no-restricted-imports'],
    'src/cli/i.ts': [`export function long(): void {\n${'  void 0;\n'.repeat(mostLines.function)}}`, 'max-lines-per-function'],
    'src/cli/j.ts': ['// line\n'.repeat(mostLines.file + 1), 'max-lines'],
    'src/cli/k.ts': ["import type { L } from './l.ts';\nexport type K = L | 1;", 'no-cycle'],
    'src/cli/l.ts': ["import type { K } from './k.ts';\nexport type L = K | 2;", ''],
    'src/cli/h.ts': ["import 'chokidar';\nvoid Promise.reject(new Error('x')); Promise.resolve();", 'no-restricted-imports'],
  } as const;
  const directory = await mkdtemp(join(tmpdir(), 'isolate-lint-'));
  try {
    for (const name of ['oxlint.config.ts', 'layers.ts', 'package.json', 'tsconfig.json']) await cp(join(top, name), join(directory, name));
    await symlink(join(top, 'node_modules'), join(directory, 'node_modules'));
    for (const [name, [text]] of Object.entries(planted)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), `${text}\n`);
    }
    const reported = await lint(directory);
    for (const [name, [, rule]] of Object.entries(planted)) {
      if (rule !== '') expect(reported).toContain(`${name} ${rule === 'no-cycle' ? 'import' : 'eslint'}(${rule})`);
    }
    expect(reported).toContain('src/cli/h.ts typescript(no-floating-promises)');
  } finally {
    await rm(directory, { recursive: true });
  }
});

function problems({ file, specifier, typeOnly }: Import): string[] {
  const own = layerOf(file);
  const layer = layers[own];
  if (layer === undefined) return [`${file} is in no layer`];
  if (specifier.startsWith('node:')) {
    return (layer.pure || isHostParser(file)) && !typeOnly && !pureBuiltins.includes(specifier)
      ? [`${file} is pure and imports ${specifier}`]
      : [];
  }
  if (!specifier.startsWith('.')) {
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    return packageHomes[name] === file ? [] : [`${file} imports ${name}, whose home is ${packageHomes[name] ?? 'nowhere'}`];
  }
  const target = normalize(join(dirname(file), specifier));
  if (target === 'package.json') return [];
  if (!target.startsWith('src/')) return [`${file} leaves src`];
  const other = layerOf(target);
  if (other === own) {
    return isHostParser(file) && !isHostParser(target) && !typeOnly
      ? [`${file} is pure and imports ${target}`]
      : [...neighbourProblems(file, target), ...floorProblems(file, target)];
  }
  if (own === 'engine' && isHostParser(target)) return [];
  if (layer.code.includes(other) || (typeOnly && layer.types.includes(other))) return [];
  return [`${file} imports ${typeOnly ? 'types' : 'code'} of src/${other}`];
}

/** Every file that can be reached by imports. */
function reachedFrom(file: string, arrows: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set<string>();
  const left = [...(arrows.get(file) ?? [])];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    left.push(...(arrows.get(next) ?? []));
  }
  return reached;
}

function isHostParser(file: string): boolean {
  return hostParsers.some((name) => file === `src/host/${name}.ts`);
}

function neighbourProblems(file: string, target: string): string[] {
  const names = strangers[layerOf(file)] ?? [];
  const [own, other] = [file, target].map((path) => names.find((name) => new RegExp(`^src/[a-z]+/${name}[/.-]`).test(path)));
  return own === undefined || other === undefined || own === other ? [] : [`${file} knows its neighbour ${other}`];
}

function floorProblems(file: string, target: string): string[] {
  const allowed = floors[layerOf(file)];
  const [own = '', other = ''] = [file, target].map((path) => path.split('/').slice(2, -1).join('/'));
  return allowed === undefined || own === other || allowed[own]?.includes(other) === true
    ? []
    : [`${file} imports ${target}, which is not below it`];
}

function layerOf(file: string): string {
  return (file.split('/')[1] ?? '').replace(/\.ts$/, '');
}

async function importsOf(directory: string): Promise<Import[]> {
  const found: Import[] = [];
  for await (const file of glob('src/**/*.ts', { cwd: directory })) {
    const text = await readFile(join(directory, file), 'utf8');
    for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[\w\s{},*$]*\bfrom\s+)?['"]([^'"]+)['"]/gm)) {
      found.push({ file, specifier: match[2] ?? '', typeOnly: match[1] !== undefined });
    }
    // import() in a type follows a colon, an angle bracket or a bar, in an expression anything else.
    for (const match of text.matchAll(/([:<|]\s*)?\bimport\(\s*['"]([^'"]+)['"]/g)) {
      found.push({ file, specifier: match[2] ?? '', typeOnly: match[1] !== undefined });
    }
  }
  return found;
}

async function lint(directory: string): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, [join(top, 'node_modules/oxlint/bin/oxlint'), '-f', 'json'], {
    cwd: directory,
    timeout: 90_000,
  });
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] };
  return diagnostics.map(({ filename, code }) => `${filename} ${code}`);
}

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const top = join(import.meta.dirname, '../..');
const WARNINGS = ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror'];

/**
 * Compiles a C source to a static program and returns its path. Cached under .cache/ by the content of the source
 * and by the flags. `flags` come after the usual ones; throws what the compiler says.
 */
export async function compileStatic(source: string, flags: readonly string[] = [], compiler = 'gcc'): Promise<string> {
  return await compile(source, [...flags, '-static'], compiler);
}

/** The same, as a library for LD_PRELOAD. */
export async function compileLibrary(source: string): Promise<string> {
  return await compile(source, ['-shared', '-fPIC'], 'gcc');
}

async function compile(source: string, flags: readonly string[], compiler: string): Promise<string> {
  const content = await readFile(source);
  const key = createHash('sha256')
    .update(JSON.stringify([compiler, ...WARNINGS, ...flags]))
    .update(content)
    .digest('hex')
    .slice(0, 16);
  const program = join(top, '.cache/programs', `${basename(source, '.c')}-${key}`);
  if (await exists(program)) {
    return program;
  }
  await mkdir(dirname(program), { recursive: true });
  const unfinished = `${program}.${randomBytes(6).toString('hex')}`;
  await execFileAsync(compiler, [...WARNINGS, ...flags, '-o', unfinished, source], { timeout: 60_000 });
  await rename(unfinished, program);
  return program;
}

/** Runs a folder's Makefile with OUT under .cache/ and returns where the results are; `make` does only what is needed. */
export async function make(
  folder: 'seccomp' | 'probe' | 'launcher' | 'gate' | 'unpack' | 'tree',
  variables: readonly string[] = [],
  name: string = folder,
): Promise<string> {
  const out = join(top, '.cache/make', name);
  await mkdir(out, { recursive: true });
  await execFileAsync('flock', [`${out}.lock`, 'make', '--silent', '-C', join(top, folder), `OUT=${out}`, ...variables], {
    timeout: 120_000,
  });
  return out;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const packageDirectory = join(import.meta.dirname, `../../node_modules/node-linux-${process.arch}`);
/** The program that isolate is tested with. */
export const pinnedNode = join(packageDirectory, 'bin/node');

const ask = (...words: readonly string[]): string =>
  execFileSync(pinnedNode, words, { encoding: 'utf8', env: {}, stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 24 });

/** Options that its help leaves out are in these lists. */
const listAll = `
  const { options, aliases } = require('internal/test/binding').internalBinding('options').getCLIOptionsInfo();
  console.log([...options.keys(), ...aliases.keys(), ...process.allowedNodeEnvironmentFlags].join('\\n'));
`;

/** Every option that the pinned Node and its V8 know, each once, as it is written: `-r`, `--require`. */
export function nodeOptions(): readonly string[] {
  const texts = [ask('--expose-internals', '-e', listAll), ask('--help'), ask('--v8-options')];
  const found = texts.flatMap((text) => text.match(/(?<=^|[\s,(])--?[A-Za-z][\w-]*/gm) ?? []);
  return [...new Set(found)].toSorted();
}

/** What the C library, and the packages that isolate loads, read besides. */
const others = [
  'LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_BIND_NOW LD_DEBUG LD_DEBUG_OUTPUT LD_PROFILE LD_SHOW_AUXV LD_TRACE_LOADED_OBJECTS',
  'GCONV_PATH GETCONF_DIR GLIBC_TUNABLES HOSTALIASES LANG LANGUAGE LC_ALL LOCALDOMAIN LOCPATH MALLOC_TRACE MALLOC_PERTURB_ NLSPATH',
  'RESOLV_HOST_CONF RES_OPTIONS TMPDIR TZ TZDIR',
  'CHOKIDAR_INTERVAL CHOKIDAR_USEPOLLING COLORTERM COLUMNS GRACEFUL_FS_PLATFORM TEST_GRACEFUL_FS_GLOBAL_PATCH YARGS_DISABLE_WRAP',
].flatMap((line) => line.split(' '));

/** Of any other value glibc 2.41 warns, in the client as in every program. */
export const allocatorVariables = { GLIBC_TUNABLES: 'glibc.malloc.perturb=165', MALLOC_PERTURB_: '165' };

/** Every variable that the pinned Node may read: those of its manual, of its own code, and all names of their kind in its binary. */
export function nodeVariables(): readonly string[] {
  const manual = readFileSync(join(packageDirectory, 'share/man/man1/node.1'), 'utf8').match(/(?<=^\.It Ev )\w+/gm) ?? [];
  const binary = readFileSync(pinnedNode, 'latin1');
  const code = binary.match(/(?<=\benv\.)[A-Z][A-Z0-9_]+/g) ?? [];
  const names = binary.match(/(?<=\0)(?:NODE|UV|ICU|OPENSSL|SSL)_[A-Z0-9_]+(?=\0)/g) ?? [];
  return [...new Set([...manual, ...code, ...names, ...others])].toSorted();
}

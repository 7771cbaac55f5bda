import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';
import { packageHomes } from './layers.ts';

// Escaping what is not ASCII halves the size of the source in memory, and so the time to load it.
const output = { dir: env['OUT'] ?? 'dist', format: 'esm', charset: 'ascii', codeSplitting: false } as const;
const packages = Object.keys(packageHomes);
const fileOf = (name: string) => `package-${name}.js`;

/** Modules of Node that take milliseconds to load, and that most of our code never comes to use. */
const lateModules = ['node:child_process', 'node:crypto', 'node:fs/promises', 'node:net', 'node:timers/promises', 'node:tty'];

/** Loads those at the first call of one of their functions. Classes are not forwarded: to import one is an error. */
const loadLate: Plugin = {
  name: 'load-late',
  resolveId: (id) => (lateModules.includes(id) ? `late:${id}` : null),
  load: async (id) => {
    if (!id.startsWith('late:')) return null;
    const module = id.slice('late:'.length);
    const names = Object.keys((await import(module)) as object).filter(
      (name) => /^[a-z]/.test(name) && name !== 'default' && name !== 'constants',
    );
    const forward = (name: string) => `export const ${name} = (...words) => process.getBuiltinModule('${module}').${name}(...words);`;
    return names.map(forward).join('\n');
  },
};

/** All of our own code in one file, which loads a package from its file beside it only when it is needed. */
const bundle = (input: string, name: string): RolldownOptions => ({
  input: { [name]: input },
  platform: 'node',
  external: packages,
  logLevel: 'warn',
  checks: { ineffectiveDynamicImport: false },
  plugins: [loadLate],
  output: { ...output, paths: Object.fromEntries(packages.map((name) => [name, `./${fileOf(name)}`])) },
});

/** A package with all it depends on, under the names that Node itself sees in it. */
const bundlePackage = async (name: string): Promise<RolldownOptions> => {
  const entry = `virtual:${name}`;
  const exported = Object.keys((await import(name)) as object).filter((key) => key !== 'module.exports');
  return {
    input: { [name]: entry },
    platform: 'node',
    logLevel: 'warn',
    plugins: [
      {
        name: 'entry',
        resolveId: (id, importer) => (id === entry ? id : importer === entry ? fileURLToPath(import.meta.resolve(id)) : null),
        load: (id) => (id === entry ? `export { ${exported.join(', ')} } from '${name}';` : null),
      },
    ],
    output: { ...output, entryFileNames: fileOf(name) },
  };
};

export default defineConfig([
  bundle('src/cli/main.ts', 'isolate'),
  bundle('src/index.ts', 'index'),
  ...(await Promise.all(packages.map(bundlePackage))),
]);

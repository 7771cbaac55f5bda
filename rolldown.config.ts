import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';
import { packageHomes } from './layers.ts';

// Escaping what is not ASCII halves the size of the source in memory, and so the time to load it.
const output = { dir: env['OUT'] ?? 'dist', format: 'esm', charset: 'ascii', codeSplitting: false } as const;
const packages = Object.keys(packageHomes);
const fileOf = (name: string) => `package-${name}.js`;

/**
 * Imports of Node's own modules, done when one of their functions is first called. An import statement costs more than it
 * seems to: it reads every property of the module, which for node:fs alone loads all streams, 7 ms.
 */
const loadLate: Plugin = {
  name: 'load-late',
  resolveId: (id) => (id.startsWith('node:') ? `late:${id}` : null),
  load: async (id) => {
    if (!id.startsWith('late:')) return null;
    const module = id.slice('late:'.length);
    const exported = Object.entries((await import(module)) as object).filter(([name]) => name !== 'default' && name !== 'module.exports');
    const source = `process.getBuiltinModule('${module}')`;
    const lines = exported.map(([name, value]) =>
      typeof value === 'function' && /^[a-z]/.test(name)
        ? `export const ${name} = (...words) => ${source}.${name}(...words);`
        : `export const ${name} = /* @__PURE__ */ (() => ${source}.${name})();`,
    );
    return lines.join('\n');
  },
};

/** A script has no import() of its own: it gets one as `load` from src/cli/code-cache.ts. */
const importByLoader: Plugin = {
  name: 'import-by-loader',
  renderChunk: (code) => code.replaceAll(/\bimport\("(?=\.\/package-)/g, 'load("'),
};

/** Leaves the verbs other than `run`, more than half of the code, to the whole program (src/cli/code-cache.ts). */
const withoutOtherVerbs: Plugin = {
  name: 'without-other-verbs',
  resolveId: (id) => (id === './other-verbs.ts' ? 'other-verbs' : null),
  load: (id) => (id === 'other-verbs' ? 'export const otherVerb = ({ caller }) => new Promise(() => startWhole(caller));' : null),
};

/** Makes the script an expression: the function that src/cli/code-cache.ts calls. To wrap it there would copy it, 0.7 ms. */
const asFunction = { postBanner: '(function (load, __dirname, startWhole, handedCaller) {', postFooter: '})' };

const scriptPlugins: Readonly<Record<string, readonly Plugin[]>> = { run: [importByLoader, withoutOtherVerbs], isolate: [importByLoader] };

/**
 * All of our own code in one file, or all for runs, which loads a package from its file beside it only when it is needed. The program is
 * CommonJS, because only scripts can be loaded with code that was compiled before (src/cli/code-cache.ts).
 */
const bundle = (input: string, name: string, format: 'esm' | 'cjs' = 'esm'): RolldownOptions => ({
  input: { [name]: input },
  platform: 'node',
  external: packages,
  logLevel: 'warn',
  checks: { ineffectiveDynamicImport: false },
  plugins: [loadLate, ...(scriptPlugins[name] ?? [])],
  output: {
    ...output,
    ...(name in scriptPlugins ? asFunction : {}),
    format,
    entryFileNames: format === 'cjs' ? '[name].cjs' : '[name].js',
    paths: Object.fromEntries(packages.map((name) => [name, `./${fileOf(name)}`])),
  },
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
  bundle('src/cli/start.ts', 'start', 'cjs'),
  bundle('src/cli/main.ts', 'run', 'cjs'),
  bundle('src/cli/main.ts', 'isolate', 'cjs'),
  bundle('src/index.ts', 'index'),
  ...(await Promise.all(packages.map(bundlePackage))),
]);

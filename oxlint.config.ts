import { globSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { type DummyRuleMap, defineConfig } from 'oxlint';
import manifest from './package.json' with { type: 'json' };
import { hostParsers, layers, mostLines, packageHomes, pureBuiltins, strangers } from './layers.ts';

interface Pattern {
  readonly regex: string;
  readonly message: string;
  readonly allowTypeImports?: boolean;
}

const alternatives = (names: readonly string[]) => names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('|');
const packages = Object.keys({ ...packageHomes, ...manifest.dependencies, ...manifest.devDependencies });
const impure = builtinModules.filter((name) => !name.startsWith('_') && !pureBuiltins.includes(`node:${name}`));
const unclean = ['process', 'Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'crypto', 'fetch'];

/** Reaching `names` of src/ by a path that leaves the folder. */
function outside(names: readonly string[], message: string, allowTypeImports: boolean): Pattern[] {
  return names.length === 0 ? [] : [{ regex: String.raw`^(\.\./)+(${alternatives(names)})(/|\.ts$)`, message, allowTypeImports }];
}

/** All of src/host but its parsers. */
const hostReaderPatterns: readonly Pattern[] = globSync('src/host/**/*.ts', { cwd: import.meta.dirname })
  .map((file) => file.slice('src/host/'.length, -'.ts'.length))
  .filter((name) => !hostParsers.includes(name))
  .map((name) => ({
    regex: `/host/${name}[.]ts$`,
    message: 'of src/host, engines may import the parsers (layers.ts)',
    allowTypeImports: true,
  }));

function layerPatterns(name: string): Pattern[] {
  const { code, types, pure } = layers[name] ?? { code: [], types: [], pure: false };
  const others = Object.keys(layers).filter((other) => other !== name && !code.includes(other));
  const message = `src/${name} may import code of: ${code.join(', ') || 'nothing'}; types of: ${types.join(', ') || 'nothing'} (layers.ts)`;
  return [
    ...outside(
      others.filter((other) => !types.includes(other)),
      message,
      false,
    ),
    ...outside(
      others.filter((other) => types.includes(other) && !(name === 'engine' && other === 'host')),
      message,
      true,
    ),
    ...(name === 'engine' ? hostReaderPatterns : []),
    { regex: String.raw`^(\.\./)+(test|scripts|dist|node_modules)/`, message: 'src/ stands alone' },
    ...(pure ? impurePatterns(name) : []),
  ];
}

function impurePatterns(name: string): Pattern[] {
  return [{ regex: `^(node:)?(${alternatives(impure)})$`, message: `${name} is pure`, allowTypeImports: true }];
}

/** Only `file`'s own packages may be imported by their names. */
function packagePattern(file: string): Pattern {
  const foreign = packages.filter((name) => packageHomes[name] !== file);
  return { regex: `^(${alternatives(foreign)})(/|$)`, message: 'this package has another home, or none (layers.ts)' };
}

const restrict = (patterns: readonly Pattern[]): DummyRuleMap => ({ 'no-restricted-imports': ['error', { patterns: [...patterns] }] });

const layerRules = Object.entries(layers).map(([name, { pure }]) => ({
  files: [`src/${name}/**/*.ts`, `src/${name}.ts`],
  rules: {
    ...restrict([...layerPatterns(name), packagePattern('')]),
    ...(pure ? { 'no-restricted-globals': ['error', ...unclean] as ['error', ...string[]] } : {}),
  },
}));

const homeRules = [...new Set(Object.values(packageHomes))].map((file) => ({
  files: [file],
  rules: restrict([...layerPatterns((file.split('/')[1] ?? '').replace(/\.ts$/, '')), packagePattern(file)]),
}));

const strangerRules = Object.entries(strangers).flatMap(([folder, names]) =>
  names.map((name) => ({
    files: [`src/${folder}/${name}/**/*.ts`, `src/${folder}/${name}*.ts`],
    rules: restrict([
      ...layerPatterns(folder),
      packagePattern(''),
      {
        regex: String.raw`^\.\.?/(${alternatives(names.filter((other) => other !== name))})(/|[-.])`,
        message: `src/${folder}/${name} does not know its neighbours`,
      },
      { regex: String.raw`^\.\.?/registry\.ts$`, message: 'only callers use the registry' },
    ]),
  })),
);

const parserRules = hostParsers.map((name) => ({
  files: [`src/host/${name}.ts`],
  rules: restrict([...layerPatterns('host'), packagePattern(''), ...impurePatterns('src/host/' + name)]),
}));

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error', perf: 'error' },
  options: { typeAware: true, denyWarnings: true },
  env: { node: true, es2024: true },
  ignorePatterns: ['dist', '.cache', 'node_modules', 'build', 'coverage'],
  rules: {
    'no-await-in-loop': 'off',
    'import/no-unassigned-import': 'off',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/extensions': ['error', 'always', { ignorePackages: true }],
    'max-lines': ['error', { max: mostLines.file }],
    'max-lines-per-function': ['error', { max: mostLines.function }],
    eqeqeq: 'error',
    'no-console': 'error',
    'no-eval': 'error',
    'no-new-func': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'no-shadow': 'off',
    'no-control-regex': 'off',
    'no-unmodified-loop-condition': 'off',
    'import/no-named-as-default-member': 'off',
    'oxc/no-map-spread': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/prefer-set-has': 'off',
    'no-underscore-dangle': 'off',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-deprecated': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    // The compiler's noImplicitReturns knows about exhaustive switches, this rule does not.
    'typescript/consistent-return': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'unicorn/prefer-node-protocol': 'error',
    'unicorn/no-array-reverse': 'off',
    'unicorn/no-array-sort': 'off',
  },
  overrides: [
    { files: ['src/**/*.ts'], rules: restrict([packagePattern('')]) },
    ...layerRules,
    ...parserRules,
    ...strangerRules,
    ...homeRules,
    {
      files: ['test/**/*.ts', 'scripts/**/*.ts'],
      rules: {
        'max-lines': 'off',
        'max-lines-per-function': 'off',
        'no-console': 'off',
        'no-useless-concat': 'off',
        'typescript/no-non-null-assertion': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-member-access': 'off',
        // Assertions often live in a function that several tests call.
        'vitest/expect-expect': 'off',
        'vitest/no-conditional-expect': 'off',
        'vitest/no-standalone-expect': 'off',
        'vitest/require-to-throw-message': 'off',
      },
    },
  ],
});

/*
 * Writes package.json and package-lock.json for `npm ci` to DIRECTORY: npm-project.ts DIRECTORY REGISTRY (build|all).
 *
 * The checkout's own lock names no registry, so npm would ask for the list of versions of every package. With addresses it
 * fetches the packages at once, and not at all those that its cache has by their hash. `build` leaves out what only tests need.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
}
interface Locked {
  readonly version?: string;
  readonly integrity?: string;
}

const [, , directory = '.', registry = '', kind = 'all'] = process.argv;
const isBuildTool = (name: string): boolean => /^(?:rolldown|typescript|@types\/.*)$/.test(name);

const manifest = readJson('package.json') as Manifest;
const lock = readJson('package-lock.json') as { readonly packages: Readonly<Record<string, Locked>> };
const devDependencies =
  kind === 'all'
    ? manifest.devDependencies
    : Object.fromEntries(Object.entries(manifest.devDependencies).filter(([name]) => isBuildTool(name)));
const packages = Object.fromEntries(
  Object.entries(lock.packages).map(([path, locked]) => [path, path === '' ? { ...locked, devDependencies } : withAddress(path, locked)]),
);
writeJson('package.json', { ...manifest, devDependencies });
writeJson('package-lock.json', { ...lock, packages });

function withAddress(path: string, locked: Locked): object {
  const name = path.replace(/^.*node_modules\//, '');
  const file = `${name.replace(/^.*\//, '')}-${locked.version ?? ''}.tgz`;
  return locked.integrity === undefined ? locked : { ...locked, resolved: `${registry.replace(/\/$/, '')}/${name}/-/${file}` };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(join(directory, file), `${JSON.stringify(value, null, 2)}\n`);
}

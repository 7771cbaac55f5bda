import { randomBytes } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { digestOf, layoutFiles } from '../rig/images.ts';
import { finished, isolate, startIsolate } from '../rig/isolate.ts';
import { tarOf } from '../rig/tar.ts';

const files = layoutFiles([{ tar: tarOf([{ path: 'bin/' }, { path: 'bin/sh', content: 'x'.repeat(100_000) }]) }]);
const index = JSON.parse(files.get('index.json')!.toString()) as { manifests: { digest: string; mediaType: string }[] };
const { digest: manifestDigest, mediaType: manifestType } = index.manifests[0]!;
const blobOf = (digest: string): Buffer => files.get(`blobs/sha256/${digest.slice(7)}`)!;
const manifest = JSON.parse(blobOf(manifestDigest).toString()) as { layers: { digest: string; size: number }[] };
const layer = manifest.layers[0]!.digest;
const indexType = 'application/vnd.oci.image.index.v1+json';

type Answer = (response: ServerResponse) => void;

const send =
  (type: string, content: Buffer | string): Answer =>
  (response) =>
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(content) }).end(content);

const redirect =
  (location: string): Answer =>
  (response) =>
    response.writeHead(307, { location }).end();

/** Bytes without an end, as fast as they are taken. skopeo compresses what is not, so they are random. */
const endless =
  (type: string): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': type });
    const chunk = randomBytes(2 ** 16);
    const more = (): void => void (response.destroyed || response.write(chunk, () => setImmediate(more)));
    more();
  };

/** Bytes of a beginning, and then nothing. */
const silent: Answer = (response) => void response.writeHead(200, { 'content-length': 100_000 }).write('x');

const list = (...manifests: readonly object[]): string => JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
const nested = list({
  mediaType: indexType,
  digest: digestOf(Buffer.from('{}')),
  size: 2,
  platform: { os: 'linux', architecture: 'amd64' },
});

let server: Server;
let parent: string;
let answers: { readonly manifest?: Answer; readonly layer?: Answer } = {};
let address = '';

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'fetched-'));
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/v2/') return void response.writeHead(200).end('{}');
    if (path.includes('/manifests/')) return (answers.manifest ?? send(manifestType, blobOf(manifestDigest)))(response);
    if (path.endsWith(layer)) return (answers.layer ?? send('application/octet-stream', blobOf(layer)))(response);
    const blob = blobOf(path.slice(path.lastIndexOf('/') + 1));
    return send('application/octet-stream', blob)(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const words = (): readonly string[] => [
  'template',
  'create',
  '-q',
  join(parent, 'x'),
  '--max-size',
  '32M',
  '--insecure',
  '--from',
  `docker://${address}/team/app:1`,
];

/** What this pid namespace's processes left. */
const left = (): readonly string[] => {
  const own = `isolate-image-${readlinkSync('/proc/self/ns/pid').replaceAll(/[^0-9]/g, '')}.`;
  return [...readdirSync(parent), ...readdirSync('/var/tmp').filter((name) => name.startsWith(own))];
};

const unfetched = 'skopeo could not fetch docker://HOST/team/app:1.';

test.each<[string, typeof answers, string]>([
  [
    'sends a layer without an end',
    { layer: endless('application/octet-stream') },
    'docker://HOST/team/app:1 unpacks to more than 33554432 bytes.',
  ],
  ['sends a manifest without an end', { manifest: endless(manifestType) }, unfetched],
  ['sends another layer', { layer: send('application/octet-stream', gzipSync('other')) }, unfetched],
  ['sends a part of a layer', { layer: send('application/octet-stream', blobOf(layer).subarray(0, 100)) }, unfetched],
  ['leads to a file of this host', { layer: redirect('file:///etc/shadow') }, unfetched],
  ['leads in a circle', { layer: redirect('/v2/team/app/blobs/' + layer) }, unfetched],
  ['nests lists of images', { manifest: send(indexType, nested) }, unfetched],
  ['sends what is no manifest', { manifest: send(manifestType, '[[[[') }, unfetched],
])(
  'a registry that %s makes no template',
  async (_, given, message) => {
    answers = given;
    const { status, stderr } = await isolate(words());
    const lines = stderr.replaceAll(address, 'HOST').split('\n');
    expect({ status, lines: lines.slice(1, 2), left: left() }).toEqual({ status: 1, lines: [`isolate: ${message}`], left: [] });
  },
  120_000,
);

test('under sudo with the variables of another user, that user does not say which registry is meant', async () => {
  answers = {};
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  mkdirSync(join(home, '.config/containers'), { recursive: true });
  writeFileSync(
    join(home, '.config/containers/registries.conf'),
    `[[registry]]\nprefix = "registry.invalid/team"\nlocation = "${address}/team"\ninsecure = true\n`,
  );
  const create = async (name: string) =>
    await isolate(['template', 'create', '-q', join(parent, name), '--from', 'docker://registry.invalid/team/app:1'], {
      environment: { HOME: home, XDG_CONFIG_HOME: '', XDG_RUNTIME_DIR: '' },
    });
  expect(await create('own')).toMatchObject({ status: 0, stderr: '' });
  chownSync(home, 4200, 4200);
  const { status, stderr } = await create('x');
  expect([status, stderr.split('\n')[0]]).toEqual([1, 'isolate: skopeo could not fetch docker://registry.invalid/team/app:1.']);
  rmSync(join(parent, 'own'), { recursive: true });
  expect(left()).toEqual([]);
}, 120_000);

test('a registry that falls silent can be left', async () => {
  let begun: () => void = () => {};
  const waiting = new Promise<void>((resolve) => (begun = resolve));
  answers = {
    layer: (response) => {
      silent(response);
      begun();
    },
  };
  const fetching = startIsolate(words());
  await waiting;
  fetching.kill('SIGINT');
  const { status, stderr } = await finished(fetching);
  expect({ status, last: stderr.split('\n').at(-2), left: left() }).toEqual({
    status: 130,
    last: 'isolate: isolate was stopped by SIGINT.',
    left: [],
  });
}, 120_000);

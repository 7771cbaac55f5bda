import { describe, expect, it } from 'vitest';

import { readDockerArchive, readLayout } from '../../../../src/template/oci/image.ts';
import { platformOf } from '../../../../src/template/oci/platform.ts';
import { addBlob, addImage, filesInMemory, layoutOf, type MemoryFiles, named, type Reference, types } from './memory-files.ts';

const platform = platformOf('x64');

async function outcome(files: MemoryFiles, name: string | null = null): Promise<unknown> {
  return await readLayout(filesInMemory(files), { name, platform }).catch(failure);
}

async function dockerOutcome(manifest: unknown, name: string | null = null, others: Record<string, unknown> = {}): Promise<unknown> {
  const files = new Map(
    Object.entries({ 'manifest.json': manifest, ...others }).map(([path, value]) => [path, Buffer.from(JSON.stringify(value))]),
  );
  return await readDockerArchive(filesInMemory(files), { name, platform }).catch(failure);
}

/** What a user reads: the code, the message, the hint. */
function failure(error: { readonly code?: string; readonly message: string; readonly hint?: string }): string {
  return [error.code, error.message, ...(error.hint === undefined ? [] : [error.hint])].join(' | ');
}

/** The same of an image of which only one thing is changed. */
async function changed(change: (manifest: Record<string, unknown>) => unknown): Promise<unknown> {
  const files: MemoryFiles = new Map();
  return await outcome(layoutOf(files, [addImage(files, { layers: [Buffer.from('a')], change })]));
}

const hash = (character: string): string => `sha256:${character.repeat(64)}`;

describe('an image layout', () => {
  it('quotes nothing of a length that only its author knows', async () => {
    const long = 'x'.repeat(1_000_000);
    const outcomes = await Promise.all([
      changed((manifest) => ({ ...manifest, mediaType: long })),
      changed((manifest) => ({ ...manifest, config: { ...(manifest['config'] as object), mediaType: long } })),
      outcome(layoutOf(new Map(), [{ ...addImage(new Map(), {}), platform: { os: 'linux', architecture: long } }])),
      dockerOutcome([{ Config: 'c', RepoTags: [long], Layers: [] }], 'other'),
    ]);
    for (const said of outcomes) expect(said).toMatch(/^bad-source \| .{0,200} is longer than 1000 characters\.$/);
  });

  it('gives the layers in order, and the defaults of runs', async () => {
    const files: MemoryFiles = new Map();
    const config = {
      User: '1000:1000',
      Env: ['PATH=/bin', 'A=b=c', 'EMPTY=', 'UNSET'],
      Entrypoint: ['/entry', '--x'],
      Cmd: ['serve'],
      WorkingDir: 'srv',
      StopSignal: 'SIGINT',
      ExposedPorts: { '80/tcp': {} },
      Volumes: null,
      Labels: { a: 'b' },
    };
    const image = addImage(files, { config, layers: [Buffer.from('one'), Buffer.from('two')] });
    const layer = (hex: string, size: number): object => ({
      path: `blobs/sha256/${hex}`,
      blob: { digest: { algorithm: 'sha256', hex }, size },
      diffId: { algorithm: 'sha256', hex },
    });
    expect(await outcome(layoutOf(files, [image]))).toEqual({
      digest: image.digest,
      defaults: {
        entrypoint: ['/entry', '--x'],
        command: ['serve'],
        environment: { PATH: '/bin', A: 'b=c', EMPTY: '' },
        workingDirectory: '/srv',
        user: '1000:1000',
      },
      unused: ['StopSignal', 'ExposedPorts'],
      layers: [
        layer('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed', 3),
        layer('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3', 3),
      ],
    });
  });

  it('without settings has no defaults', async () => {
    const files: MemoryFiles = new Map();
    const image = addImage(files, { config: null });
    expect(await outcome(layoutOf(files, [image]))).toEqual({ digest: image.digest, defaults: {}, unused: [], layers: [] });
  });

  it('may use SHA-512', async () => {
    const files: MemoryFiles = new Map();
    const config = addBlob(files, types.config, { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }, 'sha512');
    const image = addBlob(files, types.manifest, { schemaVersion: 2, config, layers: [] }, 'sha512');
    expect(await outcome(layoutOf(files, [image]))).toEqual({ digest: image.digest, defaults: {}, unused: [], layers: [] });
  });

  describe('with several images', () => {
    const files: MemoryFiles = new Map();
    const [one, two] = [addImage(files, { config: { User: 'one' } }), addImage(files, { config: { User: 'two' } })];
    layoutOf(files, [named(one, 'v1'), named(two, 'v2'), named(two, 'latest')]);

    it('gives the one that is named', async () => {
      expect(await outcome(files, 'v2')).toMatchObject({ digest: two.digest, defaults: { user: 'two' } });
    });

    it('lists the names if none is given, or another', async () => {
      expect(await outcome(files)).toBe(
        'bad-source | the image has several images. | name one of them: the image:NAME, with v1, v2, latest',
      );
      expect(await outcome(files, 'v3')).toBe('bad-source | the image has no image "v3". | its images: v1, v2, latest');
    });
  });

  it('needs no name for one image with several', async () => {
    const files: MemoryFiles = new Map();
    const image = addImage(files);
    expect(await outcome(layoutOf(files, [named(image, 'a'), named(image, 'b')]))).toMatchObject({ digest: image.digest });
  });

  describe('for several platforms', () => {
    const files: MemoryFiles = new Map();
    const amd64 = { ...addImage(files), platform: { os: 'linux', architecture: 'amd64' } };
    const arm64 = { ...addImage(files, { architecture: 'arm64' }), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };
    const attestation = { ...addImage(files, { architecture: 'unknown' }), platform: { os: 'unknown', architecture: 'unknown' } };

    it.each([
      ['beside each other', (): readonly unknown[] => [arm64, amd64, attestation]],
      [
        'in an index within the index',
        (): readonly unknown[] => [addBlob(files, types.index, { schemaVersion: 2, manifests: [attestation, arm64, amd64] })],
      ],
    ])('%s gives the one for this host', async (_title, images) => {
      expect(await outcome(layoutOf(files, images()))).toMatchObject({ digest: amd64.digest });
    });

    it('names the others if there is none for this host', async () => {
      expect(await outcome(layoutOf(files, [arm64]))).toBe('bad-source | the image has no image for linux/amd64, only for linux/arm64.');
    });

    it('is not deceived by an index without platforms', async () => {
      expect(await outcome(layoutOf(files, [addImage(files, { architecture: 'arm64' })]))).toBe(
        'bad-source | The image is for linux/arm64, and this host is linux/amd64.',
      );
    });
  });
});

describe('a hostile image layout is refused:', () => {
  it.each<[string, unknown, string]>([
    ['no images', [], 'the image has no image.'],
    [
      'more images than anybody needs',
      Array.from({ length: 1001 }, () => 0),
      'The list of images in index.json of the image has 1001 elements, more than 1000.',
    ],
    [
      'a path as a digest',
      [{ digest: 'sha256:../../../etc/shadow', size: 1 }],
      'Image 1 in index.json of the image has "sha256:../../../etc/shadow" as its digest, which is none.',
    ],
    [
      'a path as an algorithm',
      [{ digest: `../../x:${'0'.repeat(64)}`, size: 1 }],
      `Image 1 in index.json of the image has "../../x:${'0'.repeat(64)}" as its digest, which is none.`,
    ],
    [
      'a digest that is too short',
      [{ digest: 'sha256:00', size: 1 }],
      'Image 1 in index.json of the image has "sha256:00" as its digest, which is none.',
    ],
    ['no digest', [{ size: 1 }], 'Image 1 in index.json of the image has nothing as its digest, which is none.'],
    ['a negative size', [{ digest: hash('0'), size: -1 }], 'Image 1 in index.json of the image has no size.'],
    [
      'a size beyond all limits',
      [{ digest: hash('0'), size: 2 ** 40 }],
      `blobs/sha256/${'0'.repeat(64)} of the image is longer than 4194304 bytes.`,
    ],
    ['a manifest that is not there', [{ digest: hash('0'), size: 1 }], `There is no blobs/sha256/${'0'.repeat(64)}.`],
    ['an image that is a number', [7], 'Image 1 in index.json of the image is not an object.'],
  ])('%s', async (_title, images, message) => {
    expect(await outcome(layoutOf(new Map(), images as unknown[]))).toBe(`bad-source | ${message}`);
  });

  it('files that are not JSON, without showing what they have', async () => {
    const files = layoutOf(new Map(), []);
    files.set('index.json', Buffer.from('root:$6$secret:1:0'));
    expect(await outcome(files)).toBe('bad-source | index.json of the image is not JSON.');
    files.set('oci-layout', Buffer.from('['.repeat(100_000)));
    expect(await outcome(files)).toBe('bad-source | oci-layout of the image is not JSON.');
    files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"2.0.0"}'));
    expect(await outcome(files)).toBe('bad-source | the image is no image layout of version 1.0.0.');
  });

  it('contents that are not what their digest says', async () => {
    const files: MemoryFiles = new Map();
    const image = addImage(files);
    const path = `blobs/sha256/${image.digest.slice(7)}`;
    files.set(path, Buffer.from(files.get(path)!.toString().replace('"layers":[]', '"layers":{}')));
    expect(await outcome(layoutOf(files, [image]))).toBe(`bad-source | ${path} of the image is damaged: its content has another digest.`);
    files.set(path, Buffer.from('x'));
    expect(await outcome(files)).toBe(`bad-source | ${path} of the image has 1 bytes instead of ${image.size}.`);
  });

  it('an index within an index within an index', async () => {
    const files: MemoryFiles = new Map();
    let inner: Reference = addImage(files);
    for (let depth = 0; depth < 5; depth += 1) inner = addBlob(files, types.index, { schemaVersion: 2, manifests: [inner] });
    expect(await outcome(layoutOf(files, [inner]))).toBe('bad-source | the image has an index within an index more than 4 times.');
  });

  it.each<[string, (manifest: Record<string, unknown>) => unknown, string]>([
    ['a manifest of version 1', (manifest) => ({ ...manifest, schemaVersion: 1 }), 'is no manifest of version 2.'],
    [
      'a manifest of another type',
      (manifest) => ({ ...manifest, mediaType: 'text/plain' }),
      'says that it is a text/plain, which is no manifest of an image.',
    ],
    ['a manifest that is a list', () => [], 'is not an object.'],
    [
      'something else in the form of an image',
      (manifest) => ({ ...manifest, config: { ...(manifest['config'] as object), mediaType: 'application/vnd.cncf.helm.config.v1+json' } }),
      'describes no image of a container: its configuration is a application/vnd.cncf.helm.config.v1+json.',
    ],
  ])('%s', async (_title, change, message) => {
    const said = (await changed(change)) as string;
    expect(said.replace(/blobs.sha256.[0-9a-f]{64}/, 'BLOB')).toBe(`bad-source | BLOB of the image ${message}`);
  });

  it.each<[string, unknown, string]>([
    [
      'from somewhere else',
      { urls: ['http://example.org/layer'], mediaType: types.layer },
      'Layer 1 in BLOB of the image is not part of the image: it is to be fetched from somewhere else.',
    ],
    [
      'that may not be passed on',
      { mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' },
      'Layer 1 in BLOB of the image is not part of the image: it is to be fetched from somewhere else.',
    ],
    [
      'that is no tar',
      { mediaType: 'application/wasm' },
      'Layer 1 in BLOB of the image is a application/wasm, which is no layer of a root.',
    ],
    [
      'that is encrypted',
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' },
      'Layer 1 in BLOB of the image is a application/vnd.oci.image.layer.v1.tar+gzip+encrypted, which is no layer of a root.',
    ],
  ])('a layer %s', async (_title, layer, message) => {
    const said = (await changed((manifest) => ({ ...manifest, layers: [{ digest: hash('0'), size: 1, ...(layer as object) }] }))) as string;
    expect(said.replace(/blobs.sha256.[0-9a-f]{64}/, 'BLOB')).toBe(`bad-source | ${message}`);
  });

  it('10,000 layers, and layers that its configuration does not have', async () => {
    const layer = { mediaType: types.layer, digest: hash('0'), size: 1 };
    const many = (count: number) => changed((manifest) => ({ ...manifest, layers: Array.from({ length: count }, () => layer) }));
    expect(((await many(10_000)) as string).replace(/blobs.sha256.[0-9a-f]{64}/, 'BLOB')).toBe(
      'bad-source | The list of layers in BLOB of the image has 10000 elements, more than 500.',
    );
    expect(await many(3)).toBe('bad-source | the image has 3 layers, and its configuration has 1.');
  });

  it.each<[string, unknown, string]>([
    ['of another kind', 7, '"config" in BLOB is not an object.'],
    ['with a command that is a number', { Cmd: [1] }, 'An element of "Cmd" in BLOB is not a string without NUL characters.'],
    ['with a variable that has a NUL character', { Env: ['A=\0'] }, 'An element of "Env" in BLOB is not a string without NUL characters.'],
    ['with a user that is a list', { User: [] }, '"User" in BLOB is not a string without NUL characters.'],
  ])('a configuration %s', async (_title, config, message) => {
    const files: MemoryFiles = new Map();
    const said = (await outcome(layoutOf(files, [addImage(files, { config })]))) as string;
    expect(said.replace(/blobs.sha256.[0-9a-f]{64} of the image/, 'BLOB')).toBe(`bad-source | ${message}`);
  });
});

describe('an archive of docker save', () => {
  const config = { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, rootfs: { type: 'layers', diff_ids: [hash('1')] } };
  const image = { Config: 'c.json', RepoTags: ['docker.io/library/busybox:latest', 'registry:5000/a/b:1'], Layers: ['1/layer.tar'] };

  it('gives its only image, and the one that is named, by any of its names', async () => {
    const expected = {
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      defaults: { command: ['sh'] },
      unused: [],
      layers: [{ path: '1/layer.tar', blob: null, diffId: { algorithm: 'sha256', hex: '1'.repeat(64) } }],
    };
    expect(await dockerOutcome([image], null, { 'c.json': config })).toEqual(expected);
    const other = { ...image, Config: 'd.json', RepoTags: ['other:1'] };
    for (const name of ['busybox', 'busybox:latest', 'docker.io/library/busybox', 'registry:5000/a/b:1'])
      expect(await dockerOutcome([other, image], name, { 'c.json': config })).toEqual(expected);
  });

  it('lists its images if none is named, or another', async () => {
    const images = [image, { ...image, Config: 'd.json', RepoTags: ['other:1'] }];
    const hint = 'docker-archive:FILE:NAME:TAG, with docker.io/library/busybox:latest, registry:5000/a/b:1, other:1';
    expect(await dockerOutcome(images)).toBe(`bad-source | the image has several images. | ${hint}`);
    expect(await dockerOutcome(images, 'none')).toBe(`bad-source | the image has no image "none". | ${hint}`);
    expect(await dockerOutcome([])).toBe('bad-source | the image has no image.');
  });

  it.each<[string, unknown, string]>([
    ['is no list', {}, 'manifest.json of the image is not a list of images.'],
    [
      'names files outside',
      [{ ...image, Layers: ['../../etc/shadow'] }],
      '"../../etc/shadow" in image 1 in manifest.json of the image is no name of a file in the archive.',
    ],
    [
      'names absolute files',
      [{ ...image, Config: '/etc/shadow' }],
      '"/etc/shadow" in image 1 in manifest.json of the image is no name of a file in the archive.',
    ],
    ['names options', [{ ...image, Config: null }], '"" in image 1 in manifest.json of the image is no name of a file in the archive.'],
    ['has fewer layers than it says', [{ ...image, Layers: [] }], 'the image has 0 layers, and its configuration has 1.'],
  ])('that %s is refused', async (_title, manifest, message) => {
    expect(await dockerOutcome(manifest, null, { 'c.json': config })).toBe(`bad-source | ${message}`);
  });
});

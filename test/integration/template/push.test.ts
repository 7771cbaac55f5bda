import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { causesOf, IsolateError } from '../../../src/error.ts';
import { printTemplateRecord } from '../../../src/spec/template-record.ts';
import { callerContext, type TemplateContext } from '../../../src/template/context.ts';
import { changeTemplate, openStore } from '../../../src/template/open-store.ts';
import { pullTemplate } from '../../../src/template/pull.ts';
import type { LayerCompression } from '../../../src/template/push/image-documents.ts';
import { pushTemplate } from '../../../src/template/push/push.ts';
import { parsePushTarget } from '../../../src/template/push/target.ts';
import type { TemplateRef } from '../../../src/template/template-ref.ts';
import { startRegistry, type TestRegistry } from '../../rig/registry.ts';
import { makePool, type TestPool } from '../../rig/zpool.ts';

let work: string;
let context: TemplateContext;
let registry: TestRegistry;

const defaults = {
  entrypoint: ['/bin/sh', '-c'],
  command: ['echo "a b"'],
  environment: { PATH: '/usr/bin', GREETING: 'a=b' },
  workingDirectory: '/srv',
  user: '1000:1000',
};

function sh(script: string): string {
  const env = { PATH: process.env['PATH'], HOME: work, TMPDIR: work, LC_ALL: 'C' };
  return execFileSync('/bin/sh', ['-euc', script], { cwd: work, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Everything that an image keeps of a tree: owners from that of its root on, and times in seconds. */
function describeTree(root: string): string {
  return sh(
    `cd "${root}"; base=$(stat -c %u .)
    find . -mindepth 1 -path ./.isolate -prune -o -printf '%U %G %p %y %m %n %TY-%Tm-%Td %TH:%TM:%.2TS %l\\n' |
      awk -v base="$base" '{ $1 -= base; $2 -= base; print }' | sort -k 3
    getfattr -R -h -d -m '^user' . | sort; getcap -r . | sort; find . -path ./.isolate -prune -o -type f -exec sha256sum {} + | sort`,
  );
}

/** A template with everything that a root can have. `plain`: without the attributes that zfs-fuse does not have. */
function makeTree(name: string, plain = false): TemplateRef {
  sh(`mkdir -p ${name}/usr/bin ${name}/srv ${name}/dev ${name}/.isolate ${name}/tmp; cd ${name}; chmod 1777 tmp
    cp /bin/true usr/bin/sh; chmod 4755 usr/bin/sh; ln usr/bin/sh usr/bin/again; ln -s ../usr/bin/sh srv/link; ln -s /etc/passwd srv/out
    cp /bin/true usr/bin/capable; chown -h 1000:65534 srv/*; echo x > "srv/ü $(printf 'a\\tb')"
    ${plain ? '' : 'setcap cap_net_raw+ep usr/bin/capable; setfattr -n user.note -v x srv;'} mkfifo srv/pipe; mknod dev/null c 1 3; truncate -s 3M srv/holes; chmod 2755 srv
    long=$(printf 'x%.0s' $(seq 120)); mkdir -p srv/$long/$long; touch srv/$long/$long/$long; find . -exec touch -h -d 2001-02-03T04:05:06Z {} +`);
  writeFileSync(join(work, name, '.isolate/template.json'), printTemplateRecord({ version: 1, createdMs: 981_173_106_000, defaults }));
  return { kind: 'directory', path: join(work, name) };
}

async function push(ref: TemplateRef, to: string, compression: LayerCompression = 'gzip', signal?: AbortSignal) {
  const target = parsePushTarget(to, { workingDirectory: work, home: null });
  const options = signal === undefined ? {} : { signal };
  return await pushTemplate({ ref, target, compression, insecure: true, onStep: () => {}, onProgress: () => {}, ...options }, context);
}

async function pull(ref: TemplateRef, reference: string) {
  return await pullTemplate({ ref, reference, insecure: true }, context);
}

async function failure(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => 'it succeeded',
    (reason: unknown) => reason,
  );
  if (!(error instanceof IsolateError)) throw error;
  return [`${error.code}: ${error.message}`, ...causesOf(error), error.hint].join(' | ');
}

async function readTree<T>(ref: TemplateRef, action: (root: string) => T): Promise<T> {
  return await changeTemplate(ref, context, async (store) => {
    const tree = await store.open();
    try {
      return action(tree.path);
    } finally {
      await tree.close();
    }
  });
}

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'push-'));
  context = await callerContext();
  registry = await startRegistry();
}, 120_000);
afterAll(() => registry.end());

describe('an image that was pushed', () => {
  it('is unpacked by umoci with owners, modes, links, capabilities and times, and has the defaults of the template', async () => {
    const ref = makeTree('umoci-source');
    for (const compression of ['gzip', 'zstd'] as const) {
      await push(ref, `oci:${compression}:made`, compression);
    }
    sh('skopeo copy oci:zstd:made oci:uncompressed-zstd:made');
    sh('umoci unpack --image gzip:made bundle');
    expect(describeTree(join(work, 'bundle/rootfs'))).toBe(
      describeTree(join(work, 'umoci-source')).replace(/^0 0 \.\/dev\/null .*\n/m, ''),
    );
    expect(JSON.parse(sh('skopeo inspect --config oci:gzip:made'))).toMatchObject({
      created: '2001-02-03T04:05:06Z',
      os: 'linux',
      config: {
        User: '1000:1000',
        Env: ['PATH=/usr/bin', 'GREETING=a=b'],
        Entrypoint: defaults.entrypoint,
        Cmd: defaults.command,
        WorkingDir: '/srv',
      },
    });
  });

  it('is used by buildah', async () => {
    const ref = makeTree('buildah-source');
    await push(ref, `docker://${registry.address}/team/buildah:1`);
    const storage = `--root ${work}/storage --runroot ${work}/running --storage-driver vfs`;
    const root = sh(
      `name=$(buildah ${storage} from --tls-verify=false docker://${registry.address}/team/buildah:1); buildah ${storage} mount $name`,
    );
    expect(describeTree(root.trim())).toBe(describeTree(join(work, 'buildah-source')).replace(/^0 0 \.\/dev\/null .*\n/m, ''));
  });

  it('is the same for the same files, whenever and wherever they are packed', async () => {
    const ref = makeTree('same-source');
    sh('cp -a same-source same-copy');
    const first = await push(ref, 'oci:same:one');
    const second = await push({ kind: 'directory', path: join(work, 'same-copy') }, 'oci-archive:same.tar:two');
    expect(second).toEqual(first);
    await push(ref, 'oci-archive:again.tar:two');
    expect(readFileSync(join(work, 'again.tar')).equals(readFileSync(join(work, 'same.tar')))).toBe(true);
    sh('echo y >> same-copy/usr/new');
    expect((await push({ kind: 'directory', path: join(work, 'same-copy') }, 'oci:same:two')).digest).not.toBe(first.digest);
    expect(sh('umoci list --layout same').trim().split('\n')).toEqual(['one', 'two']);
    await push({ kind: 'directory', path: join(work, 'same-copy') }, 'oci:same:one');
    expect(sh('skopeo inspect --format {{.Digest}} oci:same:one')).toBe(sh('skopeo inspect --format {{.Digest}} oci:same:two'));
  });
});

describe.each(['directory', 'dataset'] as const)('pulled into a %s', (kind) => {
  let pool: TestPool | null = null;
  let count = 0;
  const fresh = (): TemplateRef => {
    count += 1;
    if (pool !== null) return { kind: 'dataset', dataset: `${pool.name}/t${count}` };
    mkdirSync(join(work, 'store'), { recursive: true, mode: 0o700 });
    return { kind: 'directory', path: join(work, `store/t${count}`) };
  };
  const labels = async (ref: TemplateRef) => (await openStore(ref, context).snapshots()).map(({ label }) => label);

  beforeAll(async () => {
    if (kind === 'dataset') pool = await makePool();
  }, 120_000);
  afterAll(async () => {
    await pool?.end();
  });

  it('an image is as it was pushed, and pushed again from there it has the same layer', async () => {
    const source = makeTree(`${kind}-source`, kind === 'dataset');
    const image = `${registry.address}/team/${kind}:1`;
    const { digest } = await push(source, `docker://${image}`);
    const ref = fresh();
    expect(await pull(ref, image)).toEqual({
      kind: 'made',
      filled: {
        record: { version: 1, createdMs: expect.any(Number) as number, source: `docker://${image}`, digest, defaults },
        left: { devices: 0, attributes: 0 },
      },
    });
    const expected = describeTree(join(work, `${kind}-source`)).replace(/^0 0 \.\/dev\/null .*\n/m, '');
    expect(await readTree(ref, describeTree)).toBe(expected);
    expect(await pull(ref, image)).toEqual({ kind: 'same', digest });
  });

  it('a newer image takes the place of the old one, and a snapshot keeps the state before', async () => {
    const source = makeTree(`${kind}-newer`, kind === 'dataset');
    const image = `${registry.address}/team/${kind}-newer:1`;
    await push(source, `docker://${image}`);
    const ref = fresh();
    await pull(ref, image);
    const before = await readTree(ref, (root) => {
      writeFileSync(join(root, 'own'), 'x');
      sh(`chown --reference="${root}" "${root}/own"`);
      return describeTree(root);
    });
    // From this storage too an image has the owners that runs see.
    await push(ref, `oci:${kind}-again:made`);
    sh(`umoci unpack --image ${kind}-again:made bundle-${kind}`);
    expect(describeTree(join(work, `bundle-${kind}/rootfs`))).toBe(before);
    sh(`rm -r ${kind}-newer/srv; echo new > ${kind}-newer/usr/new`);
    const { digest } = await push(source, `docker://${image}`);
    const pulled = await pull(ref, image);
    expect(pulled).toMatchObject({ kind: 'replaced', filled: { record: { digest } }, kept: { label: expect.any(String) as string } });
    const after = describeTree(join(work, `${kind}-newer`)).replace(/^0 0 \.\/dev\/null .*\n/m, '');
    expect(await readTree(ref, describeTree)).toBe(after);
    if (pulled.kind !== 'replaced' || pulled.kept === null) throw new Error('nothing was kept');
    await changeTemplate(ref, context, (store) => store.rollback(pulled.kept!.label));
    expect(await readTree(ref, describeTree)).toBe(before);
    expect(await pull(ref, image)).toMatchObject({ kind: 'replaced' });
    expect(await readTree(ref, describeTree)).toBe(after);
    expect(new Set(await labels(ref)).size).toBe((await labels(ref)).length);
  }, 120_000);

  it('an image that cannot be fetched or unpacked changes nothing', async () => {
    const source = makeTree(`${kind}-broken`, kind === 'dataset');
    const image = `${registry.address}/team/${kind}-broken:1`;
    await push(source, `docker://${image}`);
    const ref = fresh();
    await pull(ref, image);
    const before = [await readTree(ref, describeTree), await labels(ref)];
    sh(`rm -r ${kind}-broken/usr`);
    await push(source, `docker://${image}`);
    expect(await failure(pull(ref, image))).toBe(`bad-source: docker://${image} is not a root: it has neither /usr nor /bin. | `);
    expect(await failure(pull(ref, `${registry.address}/team/none:1`))).toMatch(
      /^source-failed: skopeo could not fetch docker:\/\/.*\/team\/none:1\. \| .*manifest unknown/,
    );
    expect([await readTree(ref, describeTree), await labels(ref)]).toEqual(before);
  });
});

describe('nothing is pushed, and nothing is left,', () => {
  const left = () => readdirSync('/var/tmp').filter((name) => name.startsWith('isolate-image'));

  it('if a name means in images that a file is deleted', async () => {
    const ref = makeTree('whiteout');
    writeFileSync(join(work, 'whiteout/srv/.wh.x'), '');
    expect(await failure(push(ref, `docker://${registry.address}/team/whiteout:1`))).toBe(
      `push-failed: ${work}/whiteout cannot be an image: the name of /srv/.wh.x means in images that a file is deleted. | `,
    );
    expect(left()).toEqual([]);
  });

  it('if the registry cannot be reached, wants an account, or has another certificate', async () => {
    const ref = makeTree('refused');
    expect(await failure(push(ref, 'docker://127.0.0.1:1/team/x:1'))).toMatch(
      /^push-failed: skopeo could not store docker:\/\/127\.0\.0\.1:1\/team\/x:1\. \| .*connection refused/,
    );
    // The password is `secret`.
    const closed = await startRegistry({ account: 'someone:$2y$05$wVvHKrGxbTfWDzbRpJOlqOJc2qz3LpvLZQ9cV2yhnHXuK7Sx0TfDq' });
    onTestFinished(closed.end);
    expect(await failure(push(ref, `docker://${closed.address}/team/x:1`))).toMatch(
      new RegExp(`^push-failed: .* \\| .*authentication required.* \\| skopeo login ${closed.address}$`),
    );
    expect(left()).toEqual([]);
  });

  it('if the target is another kind of directory, or is in none', async () => {
    const ref = makeTree('elsewhere');
    sh('mkdir other; touch other/file');
    expect(await failure(push(ref, 'oci:other:x'))).toBe(`push-failed: ${work}/other has other files, and no image layout. | `);
    expect(await failure(push(ref, 'oci-archive:nowhere/x.tar'))).toBe(`push-failed: There is no directory ${work}/nowhere. | `);
    expect(readdirSync(work).filter((name) => name.startsWith('isolate-image'))).toEqual([]);
  });

  it('if the disk is full', async () => {
    const ref = makeTree('full-source');
    sh('mkdir full; mount -t tmpfs -o size=64k isolate full');
    onTestFinished(() => void sh('umount full'));
    sh('head -c 1000000 /dev/urandom > full-source/usr/noise');
    expect(await failure(push(ref, 'oci-archive:full/x.tar'))).toMatch(
      /^pool-full: The image cannot be written: there is too little space left in .*\/full\./,
    );
    expect(readdirSync(join(work, 'full'))).toEqual([]);
  });

  it('if it is stopped', async () => {
    const ref = makeTree('stopped-source');
    const stop = new AbortController();
    const target = parsePushTarget('oci:stopped', { workingDirectory: work, home: null });
    const onStep = (): void => stop.abort(new IsolateError('aborted', 'Enough.'));
    const options = { compression: 'gzip', insecure: false, onProgress: () => {}, signal: stop.signal } as const;
    expect(await failure(pushTemplate({ ref, target, onStep, ...options }, context))).toBe('aborted: Enough. | ');
    expect(readdirSync(work).filter((name) => /^isolate-image|^stopped$/.test(name))).toEqual([]);
  });
});

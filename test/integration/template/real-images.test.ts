import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { causesOf, type IsolateError } from '../../../src/error.ts';
import { fillDirectory } from '../../rig/filling.ts';
import { startRegistry, type TestRegistry } from '../../rig/registry.ts';

let work: string;
/** What buildah itself has in the image. */
let expected: string;

const defaults = {
  entrypoint: ['/bin/busybox'],
  command: ['sh'],
  environment: { PATH: expect.any(String), GREETING: 'a b' },
  workingDirectory: '/work',
  user: '1000:1000',
};

function sh(script: string, input: Readonly<Record<string, string>> = {}): string {
  const env = { PATH: process.env['PATH'], HOME: work, TMPDIR: work, LC_ALL: 'C', ...input };
  return execFileSync('/bin/sh', ['-euc', script], { cwd: work, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Everything about the files of a tree that an image keeps, which are whole seconds of a time. */
function describeTree(root: string): string {
  return sh(
    `cd "$ROOT"; find . -mindepth 1 -path ./.isolate -prune -o -printf '%p %y %U:%G %m %n %TY-%Tm-%Td %TH:%TM %l\n' | sort
    getfattr -R -h -d -m '^(user|security.capability)' .; cat etc/new`,
    { ROOT: root },
  );
}

async function fill(from: string): Promise<{ readonly defaults: unknown; readonly tree: string }> {
  const root = mkdtempSync(join(work, 'filled-'));
  const { record } = await fillDirectory(root, from);
  return { defaults: record.defaults, tree: describeTree(root) };
}

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'images-'));
  writeFileSync(
    join(work, 'Dockerfile'),
    `FROM scratch
COPY root /
RUN ["/bin/busybox", "sh", "-c", "rm -r /etc/gone /etc/file; mkdir /etc/file; echo new > /etc/new; ln /etc/new /etc/again; chown 7:65535 /etc/new"]
RUN ["/bin/busybox", "sh", "-c", "rm -r /srv; mkdir /srv; echo x > /srv/x; rm /usr/lib; mkdir /usr/lib; chmod 1777 /srv"]
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["/bin/busybox"]
CMD ["sh"]
ENV GREETING="a b"
`,
  );
  sh(`mkdir -p root/bin root/etc/gone/deep root/srv/old root/usr/share; cp /bin/busybox root/bin/busybox; touch root/etc/gone/deep/x root/etc/file
    ln -s share root/usr/lib; cp /bin/true root/usr/share/capable; setcap cap_net_raw+ep root/usr/share/capable; setfattr -n user.note -v x root/etc/file
    touch -d 2001-02-03T04:05:06Z root/usr/share/capable; chmod 4755 root/bin/busybox; mknod root/usr/share/disk b 8 0`);
  sh(`cat > buildah <<END
#!/bin/sh
exec buildah --root $PWD/storage --runroot $PWD/running --storage-driver vfs "\\$@"
END
    chmod 755 buildah
    ./buildah bud --isolation chroot --layers -t made:1 .
    for to in oci:layout:made oci-archive:oci.tar:made docker-archive:docker.tar:made:1; do ./buildah push made:1 "$to"; done
    skopeo copy --dest-compress-format zstd oci:layout:made oci:zstd:made
    skopeo copy oci:layout:made docker-archive:skopeo.tar:made:2
    skopeo copy oci-archive:oci.tar oci-archive:skopeo-oci.tar`);
  expected = describeTree(sh('./buildah mount "$(./buildah from made:1)"').trim());
}, 300_000);

describe('an image that buildah made of three layers comes in with owners, links, capabilities and times', () => {
  it.each([
    ['as buildah pushes it into a layout', 'oci:WORK/layout'],
    ['by its name in the layout', 'oci:WORK/layout:made'],
    ['compressed by zstd', 'oci:WORK/zstd'],
    ['in an archive of buildah', 'oci-archive:WORK/oci.tar'],
    ['in an archive of skopeo', 'oci-archive:WORK/skopeo-oci.tar'],
    ['as docker save writes it, by buildah', 'docker-archive:WORK/docker.tar:made:1'],
    ['as docker save writes it, by skopeo', 'docker-archive:WORK/skopeo.tar'],
  ])('%s', async (_title, from) => {
    const { defaults: found, tree } = await fill(from.replace('WORK', work));
    expect(found).toEqual(defaults);
    // Device nodes are left out.
    expect(tree).toBe(expected.replace(/^\.\/usr\/share\/disk .*\n/m, ''));
  });
});

it('an image that umoci made comes in as umoci unpacks it', async () => {
  sh(`cp -a layout umoci; umoci unpack --image umoci:made bundle
    cd bundle/rootfs; rm -r etc/again usr/lib; echo changed > etc/new; mkdir -p usr/lib/deep; chown 5:6 usr/lib; ln bin/busybox usr/lib/deep/sh
    mkfifo usr/pipe; cd ../..; umoci repack --image umoci:made bundle; umoci unpack --image umoci:made again`);
  const { tree } = await fill(`oci:${work}/umoci:made`);
  expect(tree).toBe(describeTree(join(work, 'again/rootfs')).replace(/^\.\/usr\/share\/disk .*\n/m, ''));
}, 120_000);

describe('an image of a registry', () => {
  const home = process.env['HOME'];
  let registry: TestRegistry;
  let image: string;

  beforeAll(async () => {
    registry = await startRegistry();
    image = `docker://${registry.address}/some/image:v1`;
    mkdirSync(join(work, '.config/containers'), { recursive: true });
    writeFileSync(join(work, '.config/containers/registries.conf'), `[[registry]]\nlocation = "${registry.address}"\ninsecure = true\n`);
    sh(`skopeo copy --dest-tls-verify=false oci:layout:made ${image}`);
    process.env['HOME'] = work;
  }, 120_000);

  afterAll(() => {
    process.env['HOME'] = home;
    registry.end();
  });

  it('is fetched by skopeo, with the settings of the caller', async () => {
    const { defaults: found, tree } = await fill(image);
    expect(found).toEqual(defaults);
    expect(tree).toBe(expected.replace(/^\.\/usr\/share\/disk .*\n/m, ''));
  });

  it('that is not there is an error in the words of skopeo', async () => {
    const error = (await fill(`docker://${registry.address}/some/other:v1`).catch((reason: unknown) => reason)) as IsolateError;
    expect([error.code, error.message]).toEqual(['source-failed', `skopeo could not fetch docker://${registry.address}/some/other:v1.`]);
    expect(causesOf(error)[0]).toMatch(/manifest unknown/);
  });

  it('whose name is none is refused before skopeo sees it', async () => {
    const error = (await fill('docker://--help').catch((reason: unknown) => reason)) as IsolateError;
    expect([error.code, error.message]).toEqual(['bad-source', 'docker://--help is no image of a registry.']);
  });
});

import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { useOwnState } from '../rig/own-store.ts';
import { addPlainUser } from '../rig/plain-user.ts';
import { startPty } from '../rig/pty.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

const uid = 54_600;
/** What the run of the session does, with names of every kind. */
const script = `
  sed -i s/BusyBox/Busy/ /etc/os-release
  chmod 4755 /bin/busybox
  mkdir /etc/cron.d /usr/share/new
  echo '* * * * * root id' > /etc/cron.d/job
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i > /usr/share/new/$i; done
  rm /etc/motd
  mv /srv/old /srv/moved
  printf a > "/srv/$(printf 'new\\nline \\377')"
  chown 5:6 /srv/owned
  ln -s /etc/shadow /srv/link
`;
const porcelain = String.raw`....p.... bin/busybox
+........ etc/cron.d
+........ etc/cron.d/job
.-....... etc/motd
..c...... etc/os-release
+........ srv/link
+-....... srv/moved${'\t'}srv/old
+........ "srv/new\nline \377"
.....ug.. srv/owned
+........ usr/share/new
${[1, 10, 11, 12, 2, 3, 4, 5, 6, 7, 8, 9].map((name) => `+........ usr/share/new/${name}\n`).join('')}`;

useOwnState();

let home: string;
let rootTemplate: string;
let userTemplate: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'isolate-diff-'));
  await addPlainUser(home, uid);
  rootTemplate = await makeTemplate('root-template');
  userTemplate = await makeTemplate('user-template');
  execFileSync('chown', ['-hR', `${uid}:${uid}`, userTemplate]);
  execFileSync('chown', [`${uid}:${uid}`, home]);
  chmodSync(home, 0o755);
}, 60_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function makeTemplate(name: string): Promise<string> {
  const template = await busyboxRootfs(join(home, name));
  execFileSync('mkdir', ['-p', join(template, 'srv/old/deep'), join(template, 'usr/share')]);
  writeFileSync(join(template, 'etc/motd'), 'hello\n');
  writeFileSync(join(template, 'srv/old/deep/file'), 'moved\n'.repeat(100));
  writeFileSync(join(template, 'srv/owned'), 'owned\n');
  return template;
}

type Caller = 'root' | 'user';
const optionsOf = (caller: Caller) => (caller === 'user' ? { uid, environment: { HOME: home, XDG_RUNTIME_DIR: '' } } : {});
const diff = (caller: Caller, ...words: readonly string[]) => isolate(['diff', ...words], optionsOf(caller));

async function keep(caller: Caller, name: string, text: string, template = caller === 'user' ? userTemplate : rootTemplate): Promise<void> {
  const { status, stderr } = await isolate(['-q', `--keep=${name}`, '-t', template, '--ephemeral', 'sh', '-c', text], optionsOf(caller));
  expect({ status, stderr: stderr.replace(/^isolate: This root is kept as .*\n/, '') }).toEqual({ status: 0, stderr: '' });
}

describe.each(['root', 'user'] as const)('a session of a %s', (caller) => {
  beforeAll(() => keep(caller, 'one', script));

  test('is shown as a report and a list', async () => {
    const { status, stdout, stderr } = await diff(caller, 'one');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    await expect(stdout).toMatchFileSnapshot('../golden/changes/session.txt');
  });

  test('is shown to programs', async () => {
    expect((await diff(caller, 'one', '--porcelain')).stdout).toBe(porcelain);
    expect((await diff(caller, 'one', '--name-only')).stdout).toBe(porcelain.replaceAll(/^.{10}|\t.*$/gm, ''));
    const { changes, count, summary } = JSON.parse((await diff(caller, 'one', '--json')).stdout) as {
      readonly changes: readonly { readonly path: string; readonly pathBytes?: string; readonly after: unknown }[];
      readonly count: number;
      readonly summary: string;
    };
    expect({ count, listed: changes.length, summary }).toEqual({
      count: porcelain.split('\n').length - 1,
      listed: count,
      summary: expect.stringMatching(/^1 set-uid program of root /) as string,
    });
    expect(changes.find(({ path }) => path === 'srv/owned')?.after).toMatchObject({ uid: 5, gid: 6 });
    const odd = changes.find(({ pathBytes }) => pathBytes !== undefined);
    expect(Buffer.from(odd?.pathBytes ?? '', 'base64').toString('latin1')).toBe('srv/new\nline \xff');
  });

  test('has its names as bytes with -z', () => {
    const words = ['diff', 'one', '--name-only', '-z'];
    const { environment = {} } = optionsOf(caller);
    const ids = caller === 'user' ? { uid, gid: uid } : {};
    const { stdout } = spawnSync(isolatePath, words, { encoding: 'latin1', env: { ...process.env, ...environment }, ...ids });
    expect(stdout.split('\0')).toContain('srv/new\nline \xff');
    expect(stdout.split('\0')).toHaveLength(porcelain.split('\n').length);
  });

  test('has statistics', async () => {
    const { stdout } = await diff(caller, 'one', '--stat', 'etc');
    expect(stdout).toBe(` etc/cron.d/job | 1 +
 etc/motd       | 1 -
 etc/os-release | 4 ++--
 3 files changed, 1 directory changed, 3 insertions(+), 3 deletions(-), 6 bytes more
`);
  });

  test('has a log in SARIF with a place for each item', async () => {
    const log = JSON.parse((await diff(caller, 'one', '--sarif')).stdout) as {
      readonly runs: readonly { readonly results: readonly { readonly ruleId: string }[] }[];
    };
    expect(log.runs[0]?.results.map(({ ruleId }) => ruleId)).toEqual(expect.arrayContaining(['set-uid-root', 'cron-entry']));
  });

  test('is a patch that makes the same of its template', async () => {
    const copy = await makeTemplate(`copy-${caller}`);
    const { stdout } = await diff(caller, 'one', '--patch', 'etc', 'usr', '/srv/moved');
    execFileSync('git', ['apply'], { cwd: copy, input: stdout, env: { PATH: process.env['PATH'], GIT_CEILING_DIRECTORIES: home } });
    expect({
      release: readFileSync(join(copy, 'etc/os-release'), 'utf8'),
      motd: existsSync(join(copy, 'etc/motd')),
      fresh: readdirSync(join(copy, 'usr/share/new')).length,
      moved: existsSync(join(copy, 'srv/moved/deep/file')),
    }).toEqual({ release: 'ID=busybox\nNAME=Busy\nPRETTY_NAME="Busy test root"\n', motd: false, fresh: 12, moved: true });
    rmSync(copy, { recursive: true });
  });

  test('is a page in a file that is there as a whole or not at all', async () => {
    const directory = mkdtempSync(join(home, 'page-'));
    chmodSync(directory, 0o777);
    const page = join(directory, 'page.html');
    expect(await diff(caller, 'one', '--html', page)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(page, 'utf8')).toMatch(/^<!DOCTYPE html>[^]*<title>Changes of session one<\/title>[^]*<\/html>\n$/);
    expect(readFileSync(page, 'utf8')).toBe((await diff(caller, 'one', '--html', '-')).stdout);
    expect(readdirSync(directory)).toEqual(['page.html']);
    const { status, stderr } = await diff(caller, 'one', '--html', join(directory, 'missing/page.html'));
    expect({ status, stderr: stderr.split('\n')[0] }).toEqual({
      status: 2,
      stderr: `isolate: The page cannot be written to ${directory}/missing/page.html.`,
    });
  });

  test('is limited to paths, also to one that is printed in quotes', async () => {
    const lines = async (...paths: readonly string[]) =>
      (await diff(caller, 'one', '--name-only', ...paths)).stdout.split('\n').slice(0, -1);
    expect(await lines('/etc/cron.d/', 'srv/../etc/os-release')).toEqual(['etc/cron.d', 'etc/cron.d/job', 'etc/os-release']);
    expect(await lines(String.raw`"srv/new\nline \377"`)).toEqual([String.raw`"srv/new\nline \377"`]);
    expect(await lines('etc/passwd')).toEqual([]);
    expect(await lines('srv/old')).toEqual(['srv/moved', 'srv/moved/deep', 'srv/moved/deep/file']);
    const { stdout } = await diff(caller, 'one', '/etc/cron.d');
    expect(stdout.split('\n')[0]).toBe('1 cron entry; 1 new directory left out (--all).');
  });

  test('is not limited to a path that is nowhere', async () => {
    expect(await diff(caller, 'one', 'etc', '/etc/nowhere')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: `isolate: There is no /etc/nowhere, neither in the session nor in what it was made of.
hint: give paths from the root, as isolate diff --name-only prints them
`,
    });
    // The links lead to directories that have the names, but outside of the trees.
    expect((await diff(caller, 'one', 'srv/link/x')).status).toBe(2);
  });

  test('has an exit status that tells whether it was changed', async () => {
    expect(await diff(caller, 'one', '--exit-code', '-q')).toMatchObject({ status: 1, stdout: '', stderr: '' });
    expect(await diff(caller, 'one', '--exit-code', '-q', 'etc/passwd')).toMatchObject({ status: 0 });
    expect(await diff(caller, 'one', '-q')).toMatchObject({ status: 0, stdout: '' });
  });

  test('is not shown while it is in use, and afterwards it is', async () => {
    const child: ChildProcess = startIsolate(['enter', 'one', 'sh', '-c', 'echo ready; read line'], optionsOf(caller));
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout ?? child, 'data');
    const { status, stderr } = await diff(caller, 'one');
    child.stdin?.end('\n');
    await finished(child);
    expect({ status, stderr: stderr.replace(/process \d+/, 'process PID') }).toEqual({
      status: 2,
      stderr: `isolate: The session is in use by process PID.
hint: isolate ps shows that run; wait until it has ended, or join it with isolate enter --shared
`,
    });
    expect((await diff(caller, 'one', '--porcelain')).stdout).toBe(porcelain);
  });
});

test('a session without changes says so', async () => {
  await keep('root', 'none', 'true');
  expect(await diff('root', 'none')).toMatchObject({ status: 0, stdout: 'Nothing changed.\n' });
  expect(await diff('root', 'none', '--exit-code', '--porcelain')).toMatchObject({ status: 0, stdout: '' });
});

test("a user's session on a directory of root's says nothing of the owner of its root", async () => {
  await keep('user', 'others', 'true', rootTemplate);
  expect(await diff('user', 'others')).toMatchObject({ status: 0, stdout: 'Nothing changed.\n' });
  expect((await isolate(['enter', '-q', 'others', 'sh', '-c', 'chmod 700 / && echo > /new'], optionsOf('user'))).status).toBe(0);
  expect(await diff('user', '--porcelain', 'others')).toMatchObject({ status: 0, stdout: '....p.... .\n+........ new\n' });
  await isolate(['rm', '-q', 'others'], optionsOf('user'));
});

test('owners are those that the sandbox sees, though the files of its template are shifted', async () => {
  const template = await makeTemplate('shifted');
  execFileSync('chown', ['-hR', '1879048192:1879048192', template]);
  writeFileSync(join(template, 'etc/foreign'), '');
  await keep('root', 'shifted', 'chown 7:8 /srv/owned; rm /etc/foreign; touch /srv/new', template);
  const { changes } = JSON.parse((await diff('root', 'shifted', '--json')).stdout) as {
    readonly changes: readonly {
      readonly path: string;
      readonly before: { readonly uid: number | null } | null;
      readonly after: unknown;
    }[];
  };
  expect(changes).toMatchObject([
    { path: 'etc/foreign', before: { uid: null, gid: null }, after: null },
    { path: 'srv/new', before: null, after: { uid: 0, gid: 0 } },
    { path: 'srv/owned', before: { uid: 0, gid: 0 }, after: { uid: 7, gid: 8 } },
  ]);
});

test('a huge file is compared, and no patch of it is made', async () => {
  const template = await makeTemplate('huge');
  truncateSync(join(template, 'srv/owned'), 2 ** 31);
  await keep('root', 'huge', 'echo end >> /srv/owned', template);
  expect((await diff('root', 'huge', '--stat')).stdout).toBe(
    ' srv/owned  | 2147483648 -> 2147483652 bytes\n 1 file changed, 4 bytes more\n',
  );
  expect((await diff('root', 'huge', '--patch')).stdout).toContain('# srv/owned: its content is not known\n');
});

test.each([
  [['--stat', '--patch'], '--stat and --patch are two forms of the output: give one of them.'],
  [['--json', '--html', '-'], '--json and --html are two forms of the output: give one of them.'],
  [['-z'], '-z is only for --porcelain and --name-only.'],
  [['--all', '--sarif'], '--all is for the report and the list of changes; --sarif leaves nothing out.'],
])('%j is refused', async (options, message) => {
  const { status, stdout, stderr } = await diff('root', 'one', ...options);
  const said = stderr.startsWith('{') ? (JSON.parse(stderr) as { error: { message: string } }).error.message : stderr.slice(9, -1);
  expect({ status, stdout, said }).toEqual({ status: 2, stdout: '', said: message });
});

test('a name of no session of the caller is refused, whoever else has one', async () => {
  await keep('root', 'of-root', 'true');
  for (const name of ['missing', 'of-root', '../of-root']) {
    expect(await diff('user', name)).toMatchObject({
      status: 2,
      stderr: `isolate: There is no session "${name}".\nhint: isolate sessions lists yours\n`,
    });
  }
});

test('a reader that has enough ends it quietly, and one that cannot take it is told of', async () => {
  await keep('root', 'long', 'i=0; while [ $i -lt 5000 ]; do echo > /srv/some-long-name-$i; i=$((i+1)); done');
  const shell = (text: string) => spawnSync('bash', ['--norc', '-c', text], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
  const quiet = shell(`${isolatePath} diff long --name-only | head -1; echo \${PIPESTATUS[0]}`);
  expect([quiet.stdout, quiet.stderr]).toEqual(['srv/some-long-name-0\n0\n', '']);
  const full = shell(`${isolatePath} diff long > /dev/full; echo $?`);
  expect([full.stdout, full.stderr]).toEqual(['2\n', 'isolate: Could not write the output.\nbecause: no space left on device\n']);
  const slow = shell(`${isolatePath} diff long --porcelain | (sleep 0.3; wc -l)`);
  expect(slow.stdout.trim()).toBe('5000');
});

test('only a terminal gets colours, and none with NO_COLOR', async () => {
  const shown = async (environment: Readonly<Record<string, string>>): Promise<string> => {
    const pty = await startPty([isolatePath, 'diff', 'one', '--patch', 'etc/os-release'], { TERM: 'xterm', ...environment });
    await pty.ended;
    return pty.screen();
  };
  expect(await shown({})).toContain('\u001b[31m-NAME=BusyBox\u001b[0m');
  const plain = await shown({ NO_COLOR: '1' });
  expect(plain).toContain('-NAME=BusyBox');
  expect(plain).not.toContain('\u001b[31m');
  expect((await diff('root', 'one', '--patch')).stdout).not.toContain('\u001b');
});

describe.each(['root', 'user'] as const)('a run of a %s with --diff', (caller) => {
  const run = (...words: readonly string[]) => {
    const template = caller === 'user' ? userTemplate : rootTemplate;
    return isolate(['-q', '--diff', '-t', template, '--ephemeral', ...words], optionsOf(caller));
  };

  test('tells at its end what it has changed, and ends as its command does', async () => {
    expect(await run('sh', '-c', 'echo out; echo err >&2; echo ada:x:1000:1000::/:/bin/sh >> /etc/passwd; exit 7')).toMatchObject({
      status: 7,
      stdout: 'out\n',
      stderr: `err
1 user (ada).

Medium risk
  1 user
    The user has a shell, so it can log in once it has a password or a key.
      ada (uid 1000, gid 1000, home /, shell /bin/sh)

/etc
  M  passwd  content, 104 bytes -> 131 bytes
`,
    });
    expect(await run('true')).toMatchObject({ status: 0, stdout: '', stderr: 'Nothing changed.\n' });
  });

  test('can be kept, and tells again when it goes on', async () => {
    expect((await run('--keep=told', 'touch', '/srv/a')).stderr).toContain('\n/srv\n  A  a  0 bytes\n');
    const { stderr } = await isolate(['enter', '-q', '--diff', 'told', 'touch', '/srv/b'], optionsOf(caller));
    expect(stderr).toContain('\n/srv\n  A  a  0 bytes\n  A  b  0 bytes\n');
  });
});

test('a run on a directory itself has nothing to tell', async () => {
  expect(await isolate(['--diff', '-t', rootTemplate, 'true'])).toMatchObject({
    status: 125,
    stderr: `isolate: --diff needs a root that is thrown away: changes to ${rootTemplate} itself stay.
hint: use -c TEMPLATE, -z DATASET or -t DIR --ephemeral
`,
  });
});

test('owners of a template that are none of the sandbox’s are unknown', async () => {
  const template = await makeTemplate('foreign');
  execFileSync('chown', [`${uid}:${uid}`, join(template, 'srv')]);
  writeFileSync(join(template, 'srv/of-root'), '');
  await keep('user', 'foreign', 'rm /srv/of-root; touch /srv/own', template);
  const { changes } = JSON.parse((await diff('user', 'foreign', '--json', 'srv/of-root', 'srv/own')).stdout) as {
    readonly changes: readonly unknown[];
  };
  expect(changes).toMatchObject([
    { path: 'srv/of-root', before: { uid: null, gid: null }, after: null },
    { path: 'srv/own', before: null, after: { uid: 0, gid: 0 } },
  ]);
});

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { finished, isolatePath, startIsolate } from '../rig/isolate.ts';
import { busyboxRootfs } from '../rig/rootfs.ts';

let home: string;
let settings: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'isolate-settings-'));
  settings = join(home, '.config/isolate/config.toml');
  mkdirSync(join(home, '.config/isolate'), { recursive: true });
  mkdirSync(join(home, 'project/sub'), { recursive: true });
  await busyboxRootfs(join(home, 'root'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs isolate in the project; its home is `~` in what it prints. */
function isolate(
  words: readonly string[],
  more: { readonly env?: Record<string, string>; readonly uid?: number; readonly cwd?: string } = {},
): Result {
  const { env = {}, uid = 0, cwd = join(home, 'project/sub') } = more;
  const { status, stdout, stderr } = spawnSync(isolatePath, words, {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: home, ...env },
    cwd,
    uid,
    gid: uid,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout: stdout.replaceAll(home, '~'), stderr: stderr.replaceAll(home, '~') };
}

const says = (stdout: string, stderr = ''): Result => ({ status: 0, stdout, stderr });
const fails = (stderr: string, status = 125): Result => ({ status, stdout: '', stderr });

test('a word that looks like a verb is refused where there is a default template, unless run comes first', () => {
  writeFileSync(settings, 'template = "~/root"\n');
  expect(isolate(['echo', 'a b'])).toEqual(says('a b\n'));
  expect(isolate(['-q', '-p', '/etc', 'pwd'])).toEqual(says('/etc\n'));
  expect(isolate(['statsu'])).toEqual(
    fails('isolate: There is no verb "statsu".\nhint: did you mean status? If it is a command: isolate run statsu\n'),
  );
  expect(isolate(['-q', 'status'])).toEqual(
    fails('isolate: The verb status must come first, before any option.\nhint: isolate status ...\n'),
  );
  expect(isolate(['run', 'stat', '-c', '%a', '/etc/passwd'])).toEqual(says('644\n'));
});

test('changes to the root of a default template are thrown away', () => {
  writeFileSync(settings, 'template = "~/root"\n');
  expect(isolate(['sh', '-c', 'echo changed > /etc/new && cat /etc/new'])).toEqual(says('changed\n'));
  expect(existsSync(join(home, 'root/etc/new'))).toBe(false);
});

test('a run that names its root reads no settings', () => {
  writeFileSync(settings, 'template =\n');
  expect(isolate(['-t', join(home, 'root'), '--read-only', 'pwd'])).toEqual(says('/\n'));
  expect(isolate(['@build', '-t', join(home, 'root'), '--read-only', 'pwd'])).toMatchObject({ status: 125 });
});

test('an error in the settings names file, line and key, also as JSON and on the status descriptor', () => {
  writeFileSync(settings, '\n[presets.a]\nmemory = "lots"\n');
  const message =
    '~/.config/isolate/config.toml is not valid: line 3, presets.a.memory: --memory takes a size such as 512M or 2G, not "lots".';
  const hint = 'docs/settings.md describes all keys';
  expect(isolate(['@a', 'true'])).toEqual(fails(`isolate: ${message}\nhint: ${hint}\n`));
  const failed = `${JSON.stringify({ event: 'failed', error: 'bad-config', message })}\n`;
  expect(isolate(['@a', '--status-fd', '2', '--json', 'true'])).toEqual(
    fails(`${failed}${JSON.stringify({ error: { code: 'bad-config', message, hint, causes: [] } })}\n`),
  );
});

test('a preset is for runs alone', () => {
  expect(isolate(['@a', '-r', 'tank/a'])).toEqual(fails('isolate: The preset @a is for runs only.\n', 2));
});

test('an alias stands for the first word alone, and may name a verb', () => {
  writeFileSync(
    settings,
    'template = "~/root"\n[aliases]\nsay = ["echo", "a"]\nwhat = ["config", "show", "--json"]\nrunning = ["ps"]\necho = ["say"]\n',
  );
  expect(isolate(['say', 'say'])).toEqual(says('a say\n'));
  expect(JSON.parse(isolate(['what']).stdout)).toMatchObject({ template: { value: '~/root' } });
  expect(isolate(['running']).stdout).toContain('RUN');
  expect(isolate(['echo'])).toEqual(fails('isolate: say: command not found\n', 127));
});

test('a file of a project is used once its content is approved, and no longer after a change', () => {
  const project = join(home, 'project/.isolate.toml');
  writeFileSync(project, 'template = "../root"\n[presets.here]\nbind = [".:/src"]\n');
  const notUsed = 'isolate: ~/project/.isolate.toml is not used, because you have not approved it (isolate config approve).\n';
  expect(isolate(['pwd'])).toEqual(
    fails(
      'isolate: Nothing says what to run on, and ~/project/.isolate.toml is not used, because you have not approved it.\nhint: isolate config approve\n',
    ),
  );
  writeFileSync(settings, 'template = "~/root"\n');
  expect(isolate(['pwd'])).toEqual(says('/\n', notUsed));
  expect(isolate(['-q', 'pwd'])).toEqual(says('/\n'));
  expect(isolate(['--dry-run', 'pwd'])).toMatchObject({ status: 0, stderr: notUsed });
  expect(isolate(['@here', 'ls', '/src'])).toMatchObject({ status: 125 });
  expect(isolate(['config', 'approve'])).toEqual(
    says('~/project/.isolate.toml:\n\n    template = "../root"\n    [presets.here]\n    bind = [".:/src"]\n\n', 'isolate: Approved.\n'),
  );
  expect(isolate(['config', 'approve', '../.isolate.toml'])).toEqual(says('', 'isolate: ~/project/.isolate.toml is approved already.\n'));
  expect(isolate(['@here', 'ls', '/src'])).toEqual(says('sub\n'));
  expect(statSync(join(home, '.local/state/isolate/approved')).mode & 0o777).toBe(0o700);
  appendFileSync(project, 'env = ["A=1"]\n');
  expect(isolate(['pwd'])).toEqual(says('/\n', notUsed));
  // The same content elsewhere.
  mkdirSync(join(home, 'other'));
  writeFileSync(join(home, 'other/.isolate.toml'), 'template = "../root"\n[presets.here]\nbind = [".:/src"]\n');
  expect(isolate(['pwd'], { cwd: join(home, 'other') })).toEqual(says('/\n', notUsed.replace('project', 'other')));
});

test('what is shown before it is approved cannot change the terminal, and what is not valid is not approved', () => {
  const project = join(home, 'project/.isolate.toml');
  writeFileSync(project, '# \u009b2J\u202e\ntemplate = "a"\n');
  expect(isolate(['config', 'approve']).stdout).toBe('~/project/.isolate.toml:\n\n    # \\x9b2J\\u202e\n    template = "a"\n\n');
  writeFileSync(project, 'templat = "a"\n');
  expect(isolate(['config', 'approve'])).toEqual(
    fails(
      'isolate: ~/project/.isolate.toml is not valid: line 1, templat: there is no such key, did you mean template?\nhint: docs/settings.md describes all keys\n',
      1,
    ),
  );
  expect(isolate(['config', 'approve', '/etc/passwd'])).toEqual(
    fails('isolate: "/etc/passwd" is not the settings file of a project, whose name is .isolate.toml.\n', 2),
  );
  writeFileSync(project, '');
  chownSync(project, 54_614, 0);
  expect(isolate(['config', 'approve']).stdout).toBe('~/project/.isolate.toml, which belongs to uid 54614:\n\n\n\n');
  expect(isolate(['config', 'approve'], { cwd: '/' })).toEqual(
    fails('isolate: There is no .isolate.toml in this directory or above.\nhint: isolate config approve FILE\n', 2),
  );
});

test('settings and approvals of another user count for nobody else, as under sudo', () => {
  const uid = 54_612;
  chmodSync(home, 0o755);
  for (const path of ['.config/isolate', '.config', '']) chownSync(join(home, path), uid, uid);
  writeFileSync(settings, 'template = "~/root"\n');
  chownSync(settings, uid, uid);
  expect(isolate(['pwd'])).toEqual(
    fails(
      `isolate: Refusing ~/.config/isolate/config.toml: it belongs to uid ${uid}.\nhint: set HOME and XDG_CONFIG_HOME to directories of your own, as sudo -H does\n`,
    ),
  );
  rmSync(settings);
  writeFileSync(join(home, 'project/.isolate.toml'), 'template = "../root"\n');
  expect(isolate(['config', 'approve'], { uid })).toMatchObject({ status: 0, stderr: 'isolate: Approved.\n' });
  expect(isolate(['pwd'])).toMatchObject({ status: 125, stdout: '' });
  expect(isolate(['config', 'approve']).stderr).toBe(
    'isolate: ~/.local/state/isolate/approved is not yours alone, so nothing in it counts as approved by you.\n' +
      'hint: set HOME and XDG_STATE_HOME to directories of your own, as sudo -H does\n',
  );
});

test('settings are refused if another user can exchange them between the check and the reading', () => {
  const uid = 54_613;
  const own = join(home, 'roots-own');
  mkdirSync(own);
  writeFileSync(join(own, 'config.toml'), 'template = "~/root"\n');
  rmSync(join(home, '.config'), { recursive: true });
  mkdirSync(join(home, '.config'));
  symlinkSync(own, join(home, '.config/isolate'));
  lchownSync(join(home, '.config/isolate'), uid, uid);
  chownSync(join(home, '.config'), uid, uid);
  const refused =
    `isolate: Refusing ~/.config/isolate/config.toml: user ${uid} can change ~/.config.\n` +
    'hint: set HOME and XDG_CONFIG_HOME to directories of your own, as sudo -H does\n';
  expect(isolate(['pwd'])).toEqual(fails(refused));
  expect(isolate(['config', 'edit'])).toMatchObject({ status: 1, stderr: refused });
  expect(isolate(['config', 'check'])).toMatchObject({ status: 1 });
});

test('approvals do not count if another user can exchange their directory', () => {
  const uid = 54_613;
  const own = join(home, 'roots-own');
  writeFileSync(join(home, 'project/.isolate.toml'), 'template = "../root"\n');
  expect(isolate(['config', 'approve'])).toMatchObject({ status: 0 });
  expect(isolate(['pwd'])).toEqual(says('/\n'));
  const state = join(home, '.local/state/isolate');
  renameSync(join(state, 'approved'), own);
  symlinkSync(own, join(state, 'approved'));
  lchownSync(join(state, 'approved'), uid, uid);
  chownSync(state, uid, uid);
  expect(isolate(['pwd'])).toMatchObject({ status: 125, stdout: '' });
  const before = readdirSync(own);
  expect(isolate(['config', 'approve']).stderr).toBe(
    'isolate: ~/.local/state/isolate/approved is not yours alone, so nothing in it counts as approved by you.\n' +
      'hint: set HOME and XDG_STATE_HOME to directories of your own, as sudo -H does\n',
  );
  appendFileSync(join(home, 'project/.isolate.toml'), '# more\n');
  expect(isolate(['config', 'approve'])).toMatchObject({ status: 1 });
  expect(readdirSync(own)).toEqual(before);
});

test('a file that others can write is refused', () => {
  writeFileSync(settings, 'template = "~/root"\n');
  for (const [path, mode] of [
    [settings, 0o666],
    [join(home, '.config/isolate'), 0o777],
  ] as const) {
    const before = statSync(path).mode & 0o777;
    chmodSync(path, mode);
    const name = path.replace(home, '~');
    expect(isolate(['pwd'])).toEqual(fails(`isolate: Refusing ${name}: other users can write to it.\nhint: chmod go-w ${name}\n`));
    chmodSync(path, before);
  }
});

test('a project that is a directory, a pipe or too large is no failure', () => {
  writeFileSync(settings, 'template = "~/root"\n');
  const project = join(home, 'project/.isolate.toml');
  mkdirSync(project);
  expect(isolate(['pwd'])).toEqual(says('/\n'));
  rmSync(project, { recursive: true });
  spawnSync('mkfifo', [project]);
  expect(isolate(['pwd'])).toEqual(says('/\n'));
  rmSync(project);
  writeFileSync(project, '#'.repeat(64 * 1024 + 1));
  expect(isolate(['pwd'])).toMatchObject({ status: 0, stdout: '/\n' });
  // The kernel says that it is empty.
  rmSync(project);
  symlinkSync('/proc/kallsyms', project);
  expect(isolate(['pwd'])).toMatchObject({ status: 0, stdout: '/\n' });
});

test("the host's defaults come after the user's, and those that a user cannot read do not count", () => {
  const uid = 54_613;
  writeFileSync('/etc/isolate/config.toml', `template = "${home}/root"\n`, { mode: 0o640 });
  chmodSync('/etc/isolate/config.toml', 0o640);
  try {
    expect(isolate(['pwd'])).toEqual(says('/\n'));
    chmodSync(home, 0o755);
    const env = { HOME: '/nonexistent' };
    expect(isolate(['bash'], { uid, env }).stderr).toContain('a run needs -c TEMPLATE, -z DATASET or -t DIR.\n');
    mkdirSync('/etc/isolate/config.d', { recursive: true });
    writeFileSync('/etc/isolate/config.d/defaults.toml', 'template = "/nowhere"\n');
    expect(isolate(['-q', 'bash'], { uid, env }).stderr).toContain('/nowhere');
    writeFileSync(settings, 'template = "~/root"\n');
    expect(isolate(['pwd'])).toEqual(says('/\n'));
  } finally {
    rmSync('/etc/isolate/config.toml');
    rmSync('/etc/isolate/config.d/defaults.toml', { force: true });
  }
});

test('config check says of every file whether it is valid', () => {
  writeFileSync(settings, '[presets.a]\nuse = ["b"]\n');
  writeFileSync(join(home, 'project/.isolate.toml'), 'engine = "lxc"\n');
  const own = '~/.config/isolate/config.toml is not valid: presets.a.use: there is no preset "b".';
  expect(isolate(['config', 'check'])).toEqual({
    status: 1,
    stdout: `/etc/isolate/config.toml: not there\n${own}\n~/project/.isolate.toml: valid, not approved: isolate config approve\n`,
    stderr: '',
  });
  writeFileSync(settings, '');
  const { status, stdout } = isolate(['config', 'check', '--json']);
  expect([status, JSON.parse(stdout)]).toEqual([
    0,
    {
      files: [
        { file: '/etc/isolate/config.toml', state: 'missing' },
        { file: '~/.config/isolate/config.toml', state: 'valid' },
        { file: '~/project/.isolate.toml', state: 'not-approved' },
      ],
    },
  ]);
});

test('config show prints what is in effect, and where it comes from', () => {
  writeFileSync(
    settings,
    'template = "debian"\n[presets.a]\nmemory = "1G"\nshare-net = true\n[presets.b]\nuse = ["a"]\ncommand = ["make", "a b"]\n[aliases]\nm = ["@b"]\n',
  );
  const file = '~/.config/isolate/config.toml';
  expect(isolate(['config', 'show']).stdout.replaceAll(/ +/g, ' ')).toBe(
    `NAME VALUE FILE\ntemplate debian ${file}\n@a --memory=1G --share-net ${file}\n@b --memory=1G --share-net -- make 'a b' ${file}\nm isolate @b ${file}\n`,
  );
  expect(JSON.parse(isolate(['config', 'show', '--json']).stdout)).toEqual({
    template: { value: 'debian', file },
    engine: null,
    presets: {
      a: { options: { memory: '1G', 'share-net': true }, command: [], file },
      b: { options: { memory: '1G', 'share-net': true }, command: ['make', 'a b'], file },
    },
    aliases: { m: { words: ['@b'], file } },
    notApproved: null,
  });
});

test('config edit leaves no copy when it is ended with its editor', async () => {
  const editor = join(home, 'editor');
  // As early as it can come.
  writeFileSync(editor, '#!/bin/sh\nkill -HUP "$PPID"\nexec sleep 1000\n', { mode: 0o755 });
  const child = startIsolate(['config', 'edit'], { environment: { HOME: home, EDITOR: editor } });
  expect(await finished(child)).toMatchObject({ status: 1, stderr: `isolate: The editor "${editor}" was killed by SIGHUP.\n` });
  expect(readdirSync(join(home, '.config/isolate'))).toEqual([]);
});

test('config edit saves what is valid, and nothing else', () => {
  const editor = join(home, 'editor');
  const edit = (line: string): Result => {
    writeFileSync(editor, `#!/bin/sh\ntest "$1" = -w || exit 9\n${line}\n`, { mode: 0o755 });
    return isolate(['config', 'edit'], { env: { EDITOR: `${editor} -w` } });
  };
  expect(edit('echo \'template = "a"\' > "$2"')).toEqual(says('', 'isolate: Saved ~/.config/isolate/config.toml.\n'));
  expect([readFileSync(settings, 'utf8'), statSync(settings).mode & 0o777]).toEqual(['template = "a"\n', 0o600]);
  expect(edit('true')).toEqual(says('', 'isolate: Nothing was changed.\n'));
  expect(edit('echo "template = 5" > "$2"')).toEqual(
    fails(
      'isolate: ~/.config/isolate/config.toml is not valid: line 1, template: must be a string, not 5.\nhint: docs/settings.md describes all keys\n',
      1,
    ),
  );
  expect(edit('exit 3')).toEqual(fails('isolate: The editor "~/editor" exited with 3.\n', 1));
  expect(edit(`echo > ${settings}; echo 'template = "b"' > "$2"`)).toEqual(
    fails('isolate: ~/.config/isolate/config.toml was changed by somebody else in the meantime, so nothing was saved.\n', 1),
  );
  expect(readdirSync(join(home, '.config/isolate'))).toEqual(['config.toml']);
  expect(isolate(['config', 'edit'], { env: { VISUAL: '/no/editor' } })).toMatchObject({ status: 1 });
});

test('config edit leaves a link a link, and the mode of the file as it was', () => {
  writeFileSync(join(home, 'dotfile'), '', { mode: 0o644 });
  symlinkSync(join(home, 'dotfile'), settings);
  const editor = join(home, 'editor');
  writeFileSync(editor, '#!/bin/sh\necho \'template = "a"\' > "$1"\n', { mode: 0o755 });
  expect(isolate(['config', 'edit'], { env: { VISUAL: editor, EDITOR: 'false' } })).toMatchObject({ status: 0 });
  expect([readFileSync(join(home, 'dotfile'), 'utf8'), statSync(settings).mode & 0o777]).toEqual(['template = "a"\n', 0o644]);
});

test('template default writes the default template into the settings, and runs use it', () => {
  writeFileSync(settings, '# mine\n[presets.small]\nmemory = "64M"\n');
  expect(isolate(['template', 'default', '../../root'])).toEqual(
    says('../../root is the default template now: ~/.config/isolate/config.toml\n'),
  );
  expect(readFileSync(settings, 'utf8').replaceAll(home, '~')).toBe('template = "~/root"\n# mine\n[presets.small]\nmemory = "64M"\n');
  expect(isolate(['echo', 'works'])).toEqual(says('works\n'));
});

test('a default template that is gone is told with the file that names it', () => {
  writeFileSync(settings, 'template = "gone"\n');
  expect(isolate(['true'])).toEqual(
    fails(
      'isolate: There is no template gone.\n' +
        'hint: ~/.config/isolate/config.toml makes it the default; isolate template default TEMPLATE names another\n',
    ),
  );
  expect(isolate(['-c', 'gone', 'true']).stderr).toContain('There is no template gone.\nhint: isolate template ');
});

test('template default refuses a template that does not exist, and leaves the settings as they were', () => {
  writeFileSync(settings, 'engine = "bwrap"\n');
  expect(isolate(['template', 'default', './nothing'])).toEqual(fails('isolate: There is no template ./nothing.\n', 1));
  expect(readFileSync(settings, 'utf8')).toBe('engine = "bwrap"\n');
});

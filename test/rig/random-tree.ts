import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import fc from 'fast-check';

/** Names as latin1: each character is one byte. */
const names = ['a', 'b', 'a.b', 'a-b', 'new\nline', '\xff\xfe', ' ', '-n', 'é', 'x'.repeat(255), '*', '\x1b[31m'] as const;

/** One change of a tree. `at` and `to` choose among the paths that there are; `name` is of what is made. */
export interface TreeStep {
  readonly what: (typeof whats)[number];
  readonly at: number;
  readonly to: number;
  readonly name: (typeof names)[number];
  readonly value: number;
}

const whats = [
  'file',
  'file',
  'directory',
  'directory',
  'link',
  'pipe',
  'device',
  'hole',
  'hard link',
  'write',
  'append',
  'truncate',
  'mode',
  'owner',
  'group',
  'attribute',
  'capability',
  'acl',
  'touch',
  'remove',
  'move',
  'replace',
] as const;

export const treeSteps: fc.Arbitrary<readonly TreeStep[]> = fc.array(
  fc.record({
    what: fc.constantFrom(...whats),
    at: fc.nat(1000),
    to: fc.nat(1000),
    name: fc.constantFrom(...names),
    value: fc.nat(3),
  }),
  { maxLength: 40 },
);

/** Does what can be done of the steps. `root` is a path in ASCII. */
export function applySteps(root: string, steps: readonly TreeStep[]): void {
  for (const step of steps) {
    try {
      apply(root, step);
    } catch {
      // There is something already, or nothing any more.
    }
  }
}

/** All paths below a directory, as latin1. */
export function listPaths(root: string, below = ''): readonly string[] {
  const directory = Buffer.from(`${root}/${below}`, 'latin1');
  return readdirSync(directory, { encoding: 'buffer' }).flatMap((entry) => {
    const path = `${below === '' ? '' : `${below}/`}${entry.toString('latin1')}`;
    return lstatSync(Buffer.from(`${root}/${path}`, 'latin1')).isDirectory() ? [path, ...listPaths(root, path)] : [path];
  });
}

function apply(root: string, step: TreeStep): void {
  const { what, at, to, name, value } = step;
  const bytes = (path: string): Buffer => Buffer.from(`${root}/${path}`, 'latin1');
  const all = listPaths(root);
  const directories = ['', ...all.filter((path) => lstatSync(bytes(path)).isDirectory())];
  const parent = directories[at % directories.length] ?? '';
  const fresh = parent === '' ? name : `${parent}/${name}`;
  const some = all[at % Math.max(all.length, 1)];
  const other = all[to % Math.max(all.length, 1)];
  const run = (file: string, ...args: readonly Buffer[]): void => runOn(root, file, args);
  const word = (text: string): Buffer => Buffer.from(text, 'latin1');
  switch (what) {
    case 'file':
      return writeFileSync(bytes(fresh), `text ${value}`, { flag: 'wx' });
    case 'directory':
      mkdirSync(bytes(fresh));
      return;
    case 'link':
      return symlinkSync(Buffer.from(['/etc/passwd', '../a', '\xff', 'x'.repeat(3000)][value] ?? '', 'latin1'), bytes(fresh));
    case 'pipe':
      return run('mkfifo', bytes(fresh));
    case 'device':
      return run('mknod', bytes(fresh), word('c'), word('1'), word(String(3 + value)));
    case 'hole':
      writeFileSync(bytes(fresh), '', { flag: 'wx' });
      truncateSync(bytes(fresh), 500_000 * (value + 1));
      return appendFileSync(bytes(fresh), 'end');
    default:
      if (some !== undefined && other !== undefined) changeFile(root, step, some, other, fresh);
  }
}

function changeFile(root: string, { what, name, value }: TreeStep, some: string, other: string, fresh: string): void {
  const bytes = (path: string): Buffer => Buffer.from(`${root}/${path}`, 'latin1');
  const run = (file: string, ...args: readonly Buffer[]): void => runOn(root, file, args);
  const word = (text: string): Buffer => Buffer.from(text, 'latin1');
  const [file, target] = [bytes(some), bytes(other)];
  switch (what) {
    case 'hard link':
      return linkSync(file, bytes(fresh));
    case 'write':
      return lstatSync(file).isFile() ? writeFileSync(file, `text ${value}`) : undefined;
    case 'append':
      return lstatSync(file).isFile() ? appendFileSync(file, 'more') : undefined;
    case 'truncate':
      return lstatSync(file).isFile() ? truncateSync(file, value) : undefined;
    case 'mode':
      return lstatSync(file).isSymbolicLink() ? undefined : chmodSync(file, [0o755, 0o4755, 0o600, 0o1777][value] ?? 0);
    case 'owner':
      return lchownSync(file, value, lstatSync(file).gid);
    case 'group':
      return lchownSync(file, lstatSync(file).uid, value);
    case 'attribute':
      return run('setfattr', word('-h'), word('-n'), word(`trusted.test${value % 2}`), word('-v'), word(`v${value}`), file);
    case 'capability':
      return run('setcap', word(value % 2 === 0 ? 'cap_net_raw+ep' : 'cap_net_admin+ep'), file);
    case 'acl':
      return lstatSync(file).isSymbolicLink() ? undefined : run('setfacl', word('-m'), word(`u:${value}:r`), file);
    case 'touch':
      return lstatSync(file).isSymbolicLink() ? undefined : utimesSync(file, value, value);
    case 'remove':
      return rmSync(file, { recursive: true });
    case 'move':
      return renameSync(file, lstatSync(target).isDirectory() ? bytes(`${other}/${name}`) : target);
    case 'replace':
      rmSync(file, { recursive: true });
      if (value % 2 === 0) mkdirSync(file);
      else writeFileSync(file, 'replaced');
      return;
    default:
  }
}

/** Node takes no bytes as arguments, but a shell reads them. */
function runOn(root: string, file: string, args: readonly Buffer[]): void {
  const quoted = args.map((argument) => `'${argument.toString('latin1').replaceAll("'", String.raw`'\''`)}'`);
  execFileSync('/bin/sh', {
    cwd: root,
    input: Buffer.from(`exec ${file} ${quoted.join(' ')}\n`, 'latin1'),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proofCases } from '../../src/prove/cases.ts';
import { compileStatic, make } from '../rig/compile.ts';
import { judgeCase } from './judge.ts';
import { buildPrograms, type ProbeRun, type Programs, runProbe } from './probe.ts';
import { recordResults, type Row } from './record.ts';

const execFileAsync = promisify(execFile);
const calls = proofCases(process.arch).filter(({ id }) => id.startsWith('calls/'));
const rows: Row[] = [];

let directory: string;
let filters: string;
let programs: Programs;
let wrapper: string;
let outside: ProbeRun;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isolate-seccomp-'));
  [filters, programs] = await Promise.all([make('seccomp'), buildPrograms(join(directory, 'programs'))]);
  wrapper = join(filters, 'isolate-seccomp');
  outside = await probe([], ['calls']);
});
afterAll(async () => {
  await recordResults('seccomp', rows);
  await rm(directory, { recursive: true, force: true });
});

async function probe(
  prefix: readonly string[],
  words: readonly string[],
  terminal: 'none' | 'pipes' | 'streams' = 'none',
): Promise<ProbeRun> {
  return runProbe(programs, { prefix, probe: programs.probe, terminal, uid: 0, bait: false, words, timeoutMs: 30_000 });
}

async function wrapped(...command: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return execFileAsync(wrapper, command, { timeout: 30_000 }).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ status: error.code, stdout: error.stdout, stderr: error.stderr }),
  );
}

test('the probe has exactly the cases of the table', async () => {
  const { stdout } = await execFileAsync(programs.probe, ['--list']);
  expect(stdout.trim().split('\n').sort()).toEqual(
    proofCases(process.arch)
      .map(({ id }) => id)
      .sort(),
  );
});

const ways = {
  'isolate-seccomp': () => [wrapper],
  'bwrap --seccomp': () => [
    'sh',
    '-c',
    'exec bwrap --bind / / --dev-bind /dev /dev --cap-add ALL --seccomp 9 -- "$@" 9< "$0"',
    join(filters, 'seccomp.bpf'),
  ],
};
describe.each(Object.entries(ways))('under %s', (name, prefix) => {
  let inside: ProbeRun;
  beforeAll(async () => {
    inside = await probe(prefix(), ['calls']);
  });

  test.for(calls)('$claim', (each, context) => {
    const row = judgeCase(each, `${name}, root`, inside, outside);
    rows.push(row);
    if (row.result === 'skipped') context.skip(row.reason);
    expect(row).toEqual({ ...row, result: 'held' });
  });

  test('nothing is typed into the terminal, which works without the filter', async (context) => {
    const bare = await probe([], ['terminal'], 'streams');
    if (bare.terminal?.typed === 0) context.skip('host: dev.tty.legacy_tiocsti is off, nobody can type');
    const run = await probe(prefix(), ['terminal'], 'streams');
    expect(run.terminal).toEqual({ typed: 0, settings: 'same', flags: 'same' });
    expect([...run.results.values()].filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  });

  test('nothing is typed through /dev/tty when the streams are pipes', async (context) => {
    const bare = await probe([], ['terminal/type-on-dev-tty'], 'pipes');
    if (bare.terminal?.typed === 0) context.skip('host: dev.tty.legacy_tiocsti is off, nobody can type');
    const run = await probe(prefix(), ['terminal/type-on-dev-tty'], 'pipes');
    expect(run.terminal).toEqual({ typed: 0, settings: 'same', flags: 'same' });
  });
});

describe.runIf(process.arch === 'x64')('a 32-bit program', () => {
  test('runs', async (context) => {
    const program = await compileStatic(join(import.meta.dirname, 'attacks/i386.c'), ['-m32', '-nostdlib', '-ffreestanding']);
    const bare = await execFileAsync(program).then(
      ({ stdout }) => stdout,
      () => '',
    );
    if (bare !== '32-bit code runs\n') context.skip('host: the kernel runs no 32-bit code');
    expect((await wrapped(program)).stdout).toBe('32-bit code runs\n');
  });

  test('makes no sockets by socketcall unless it is allowed to', async (context) => {
    const program = await compileStatic(join(import.meta.dirname, 'attacks/i386-calls.c'));
    const bare = await execFileAsync(program, ['socketcall']).catch(() => null);
    if (bare?.stdout !== 'socketcall: 0\n') context.skip('host: the kernel runs no 32-bit code');
    expect({
      not: (await wrapped(program, 'socketcall')).stdout,
      allowed: (await wrapped('--socketcall', program, 'socketcall')).stdout,
    }).toEqual({ not: 'socketcall: 97\n', allowed: 'socketcall: 0\n' });
  });
});

describe('the wrapper', () => {
  test('passes the command’s status on', async () => {
    expect((await wrapped('sh', '-c', 'exit 7')).status).toBe(7);
  });

  test('sets no_new_privs and filter mode', async () => {
    expect((await wrapped('grep', '-E', '^(NoNewPrivs|Seccomp):', '/proc/self/status')).stdout).toBe('NoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test.for([
    [['/no/such/program'], 127, 'isolate-seccomp: /no/such/program: No such file or directory\n'],
    [['no-such-command'], 127, 'isolate-seccomp: no-such-command: No such file or directory\n'],
    [['/etc'], 126, 'isolate-seccomp: /etc: Permission denied\n'],
    [['--', '--help'], 127, 'isolate-seccomp: --help: No such file or directory\n'],
  ] as const)('%j ends with %i', async ([command, status, stderr]) => {
    expect(await wrapped(...command)).toEqual({ status, stdout: '', stderr });
  });

  test.for([[[]], [['']], [['--unknown']], [['--']], [['--print-filter', 'x']]] as const)('%j is a usage error', async ([command]) => {
    const { status, stdout, stderr } = await wrapped(...command);
    expect({ status, stdout, first: stderr.split('\n')[0] }).toEqual({
      status: 125,
      stdout: '',
      first: 'isolate-seccomp: no command, or an unknown option',
    });
  });

  test('fails with 125 and starts nothing where the filter cannot be installed', async () => {
    // Every seccomp call answers EINVAL: ld nr; jeq seccomp; ret errno; ret allow.
    const refusing = join(directory, 'refusing.bpf');
    const number = process.arch === 'x64' ? 317 : 277;
    await writeFile(refusing, filterOf([0x20, 0, 0, 0], [0x15, 0, 1, number], [0x06, 0, 0, 0x00050016], [0x06, 0, 0, 0x7fff0000]));
    const attempt = execFileAsync('sh', ['-c', 'exec bwrap --bind / / --seccomp 9 -- "$@" 9< "$0"', refusing, wrapper, 'echo', 'started'], {
      timeout: 60_000,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 125,
      stdout: '',
      stderr: 'isolate-seccomp: the filter could not be installed: Invalid argument\n',
    });
  });

  test('lets ordinary programs work: a shell with jobs, a compiler, Python, git, Node', async () => {
    const work = join(directory, 'work');
    const script = `set -eum; mkdir ${work}; cd ${work}; sleep 0 & fg > /dev/null; echo 'int main(void){return 0;}' > a.c; gcc -o a a.c; ./a
      python3 -c 'import subprocess, socket; subprocess.run(["true"], check=True); socket.socket()'
      git init -q . && git add a.c && git -c user.name=n -c user.email=e commit -qm m
      ${process.execPath} -e 'require("child_process").execFileSync("true"); new (require("worker_threads").Worker)("0", { eval: true })'
      echo done`;
    expect(await wrapped('bash', '-c', script)).toEqual({ status: 0, stdout: 'done\n', stderr: '' });
  });

  test('lets a debugger’s calls through: tracing a child, a fixed address layout', async () => {
    const script =
      'import ctypes, os; c = ctypes.CDLL(None); pid = os.fork()\nif pid == 0: os._exit(c.ptrace(0, 0, 0, 0))\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), c.personality(0x40000), c.personality(0xffffffff))';
    expect((await wrapped('python3', '-c', script)).stdout).toBe('0 0 262144\n');
  });
});

function filterOf(...instructions: readonly (readonly [number, number, number, number])[]): Buffer {
  return Buffer.concat(
    instructions.map(([code, yes, no, value]) => {
      const instruction = Buffer.alloc(8);
      instruction.writeUInt16LE(code, 0);
      instruction.writeUInt8(yes, 2);
      instruction.writeUInt8(no, 3);
      instruction.writeUInt32LE(value, 4);
      return instruction;
    }),
  );
}

test('both compilers make the same filter', async () => {
  const other = await make('seccomp', ['CC=clang'], 'seccomp-clang');
  await execFileAsync('cmp', [join(filters, 'seccomp.bpf'), join(other, 'seccomp.bpf')]);
});

test('the program works on aarch64', async () => {
  const other = await make('seccomp', ['CC=aarch64-linux-gnu-gcc', 'RUN=qemu-aarch64-static'], 'seccomp-aarch64');
  const { stdout } = await execFileAsync('qemu-aarch64-static', [join(other, 'isolate-seccomp'), '--version']);
  expect(stdout).toMatch(/^isolate-seccomp \d/);
});

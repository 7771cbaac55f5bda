import { IsolateError } from '../error.ts';
import { parseBind, resolveBind } from './parse-bind.ts';
import { checkVariable, defaultEnvironment, parseEnvironmentFile, parseVariable } from './parse-environment.ts';
import { parseDataset, parseHostname, parseInterfaceName } from './parse-name.ts';
import { maximumId, parseInteger, parseSeconds, parseSize } from './parse-number.ts';
import { parseHostPath, parseSandboxPath } from './parse-path.ts';
import type { Caller, RunRequest } from './request.ts';
import type { Bind, Hooks, Limits, LxcSpec, RootSource, SandboxSpec } from './spec.ts';

/** Name of the engine that runs when none is asked for. */
export const defaultEngine = 'bwrap';
const defaultWaitSeconds = 10;
const defaultGraceSeconds = 10;
/** Ids a sandbox's range has, so a base can't be higher than this below the last id. */
const idRange = 65_536;

/**
 * The complete, checked spec of a request: defaults filled in, texts parsed, the seed's variables of the caller's
 * environment applied where the request says nothing. Throws one IsolateError for the first thing that is wrong:
 * `usage`, `bad-name`, `bad-bind`, `bad-environment`, `unsupported-option`.
 */
export function resolveSpec(request: RunRequest, caller: Caller): SandboxSpec {
  const engine = request.engine ?? defaultEngine;
  const uidBase = parseIdBase('--uid-base', request.uidBase);
  const gidBase = parseIdBase('--gid-base', request.gidBase);
  return {
    engine,
    root: resolveRoot(request, caller),
    readOnlyRoot: request.readOnly ?? false,
    command: resolveCommand(request.command),
    environment: resolveEnvironment(request, caller),
    binds: resolveBinds(request, caller),
    workingDirectory: parseSandboxPath('usage', 'The working directory', request.workingDirectory ?? '/'),
    ...(request.hostname === undefined ? {} : { hostname: parseHostname('--hostname', request.hostname) }),
    ...(uidBase === undefined ? {} : { uidBase }),
    ...(gidBase === undefined ? {} : { gidBase }),
    shareNetwork: request.shareNetwork ?? false,
    passthrough: [...new Set(request.passthrough)],
    limits: resolveLimits(request, engine, caller),
    ...(request.timeoutSeconds === undefined ? {} : { timeoutMs: parseSeconds('--timeout', request.timeoutSeconds, 1) }),
    graceMs: parseSeconds('--kill-after', request.killAfterSeconds ?? defaultGraceSeconds, 0),
    waitMs: parseSeconds('--wait', request.waitSeconds ?? defaultWaitSeconds, 0),
    seccomp: request.seccomp ?? variable(caller, 'DISABLE_SECCOMP_WRAPPER') === undefined,
    socketcall: request.socketcall ?? false,
    hooks: resolveHooks(request, caller),
    lxc: resolveLxc(request, engine, caller),
  };
}

function resolveRoot(request: RunRequest, caller: Caller): RootSource {
  if (request.zfs !== undefined && request.template !== undefined) {
    throw new IsolateError('usage', 'A run has one root: -z DATASET and -t DIR cannot both be given.');
  }
  if (request.zfs !== undefined) {
    if (request.ephemeral === true) {
      throw new IsolateError('usage', '--ephemeral goes with -t: a clone of a dataset is thrown away in any case.');
    }
    return { kind: 'zfs', dataset: parseDataset(request.zfs) };
  }
  if (request.template === undefined) {
    throw new IsolateError('usage', 'Nothing to run on: give -z DATASET or -t DIR.', {
      hint: 'isolate list shows the templates you may use, isolate --help shows examples',
    });
  }
  const path = parseHostPath('usage', 'The template directory', request.template, caller.cwd);
  if (path === '/') {
    throw new IsolateError('usage', "The host's own root cannot be a template.", {
      hint: '-t names a directory with a Linux root of its own',
    });
  }
  return { kind: 'directory', path, ephemeral: request.ephemeral ?? false };
}

function resolveCommand(words: readonly string[]): readonly [string, ...string[]] {
  const [file, ...args] = words;
  if (file === undefined) {
    throw new IsolateError('usage', 'No command was given.', { hint: 'isolate -z DATASET COMMAND [ARG...]' });
  }
  if (file === '') {
    throw new IsolateError('usage', 'The command is an empty string.');
  }
  const bad = words.findIndex((word) => word.includes('\0'));
  if (bad >= 0) {
    throw new IsolateError('usage', `Word ${bad + 1} of the command contains a NUL character.`);
  }
  return [file, ...args];
}

function resolveEnvironment(request: RunRequest, caller: Caller): Record<string, string> {
  const fromFiles = (request.environmentFiles ?? []).flatMap((file) => readEnvironmentFile(file, caller));
  const given = request.environment ?? [];
  const fromOptions = isList(given) ? given.flatMap((text) => toList(parseVariable(text, caller.environment))) : Object.entries(given);
  for (const [name, value] of fromOptions) {
    checkVariable(name, value);
  }
  return Object.fromEntries([...Object.entries(defaultEnvironment(caller.environment)), ...fromFiles, ...fromOptions]);
}

function toList<T>(value: T | null): readonly T[] {
  return value === null ? [] : [value];
}

function readEnvironmentFile(file: string, caller: Caller): readonly (readonly [string, string])[] {
  const path = parseHostPath('bad-environment', 'The environment file', file, caller.cwd);
  let text: string;
  try {
    text = caller.readFile(path);
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    throw new IsolateError('bad-environment', `The environment file ${JSON.stringify(path)} cannot be read.`, { cause });
  }
  return parseEnvironmentFile(text, path);
}

function resolveBinds(request: RunRequest, caller: Caller): readonly Bind[] {
  const binds = (request.binds ?? []).map((bind) =>
    typeof bind === 'string' ? parseBind(bind, caller.cwd) : resolveBind(bind, caller.cwd),
  );
  const twice = binds.find((bind, index) => binds.findIndex((other) => other.target === bind.target) < index);
  if (twice !== undefined) {
    throw new IsolateError('bad-bind', `Two binds have the target ${JSON.stringify(twice.target)}.`);
  }
  return binds;
}

function parseIdBase(option: string, value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : parseInteger(option, value, 1, maximumId - idRange + 1);
}

function resolveLimits(request: RunRequest, engine: string, caller: Caller): Limits {
  const cpu = request.cpuPercent === undefined ? lxcVariable(caller, engine, 'LXC_CPU_QUOTA') : undefined;
  const memory = request.memory === undefined ? lxcVariable(caller, engine, 'LXC_MEM_MB_QUOTA') : undefined;
  return {
    ...(request.cpuPercent === undefined ? {} : { cpuPercent: parseInteger('--cpu', request.cpuPercent, 1, 100_000) }),
    ...(cpu === undefined ? {} : { cpuPercent: parseInteger('LXC_CPU_QUOTA', cpu, 1, 100) }),
    ...(request.memory === undefined ? {} : { memoryBytes: parseSize('--memory', request.memory) }),
    ...(memory === undefined ? {} : { memoryBytes: parseInteger('LXC_MEM_MB_QUOTA', memory, 1, 2 ** 30) * 2 ** 20 }),
    ...(request.pids === undefined ? {} : { pids: parseInteger('--pids', request.pids, 1, 4_194_304) }),
  };
}

function resolveHooks(request: RunRequest, caller: Caller): Hooks {
  const pre = request.preHook ?? variable(caller, 'PRE_SPAWN_HOOK');
  const post = request.postHook ?? variable(caller, 'POST_SPAWN_HOOK');
  for (const [option, hook] of [
    ['--pre-hook', pre],
    ['--post-hook', post],
  ] as const) {
    if (hook !== undefined && hook.includes('\0')) {
      throw new IsolateError('usage', `The command of ${option} contains a NUL character.`);
    }
  }
  return { ...(pre === undefined || pre === '' ? {} : { pre }), ...(post === undefined || post === '' ? {} : { post }) };
}

/** What only lxc knows is read from the environment for lxc alone, and refused from options for any other engine. */
function resolveLxc(request: RunRequest, engine: string, caller: Caller): LxcSpec {
  if (request.lxcLog !== undefined && engine !== 'lxc') {
    throw new IsolateError('unsupported-option', `The engine ${engine} does not support --lxc-log; lxc does.`);
  }
  const bridge = request.netBridge ?? lxcVariable(caller, engine, 'LXC_NET_BR');
  const log = request.lxcLog ?? (lxcVariable(caller, engine, 'DEBUG_LXC_SPAWN') === undefined ? undefined : '/run/isolate/lxc.log');
  return {
    bridge: bridge === undefined ? null : parseInterfaceName('--net-bridge', bridge),
    mapTun: request.tun ?? lxcVariable(caller, engine, 'LXC_MAP_TUN') !== undefined,
    ...(log === undefined ? {} : { logPath: parseHostPath('usage', 'The log file', log, caller.cwd) }),
  };
}

function lxcVariable(caller: Caller, engine: string, name: string): string | undefined {
  return engine === 'lxc' ? variable(caller, name) : undefined;
}

/** As in the seed, a variable set to the empty string is as good as not set. */
function variable(caller: Caller, name: string): string | undefined {
  const value = caller.environment[name];
  return value === '' ? undefined : value;
}

function isList(value: readonly string[] | Readonly<Record<string, string>>): value is readonly string[] {
  return Array.isArray(value);
}

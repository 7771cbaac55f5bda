import { checkTargets, parseBinds, parseTmpfs } from '../bind.ts';
import { parseMount } from '../mount.ts';
import { parseVariables, variablesOfFile } from '../parse-environment.ts';
import { parseHostname, parseUser } from '../parse-name.ts';
import { idsPerSandbox, maximumId, parseInteger } from '../parse-number.ts';
import { parseSandboxPath } from '../parse-path.ts';
import { type OptionGroup, type RunOption, runOption } from './option.ts';

/** What a sandbox is made of. */
export const sandboxOptions: OptionGroup<RunOption> = {
  title: 'Sandbox',
  options: [
    runOption('binds', {
      long: 'bind',
      short: 'd',
      value: 'HOST[:GUEST][:ro]',
      completes: 'bind',
      repeatable: true,
      help: 'show a file or directory of the host at GUEST (default: HOST); \\: is a literal colon',
      carriedBy: 'launcher',
      settle: (draft, binds, { cwd }) => ({ ...draft, binds: checkTargets(parseBinds(binds, cwd)) }),
    }),
    runOption('tmpfs', {
      long: 'tmpfs',
      value: 'TARGET[:SIZE]',
      completes: 'none',
      repeatable: true,
      help: 'an empty memory file system at TARGET, of at most SIZE (default 1G)',
      carriedBy: 'launcher',
      settle: (draft, given) => ({ ...draft, binds: checkTargets([...draft.binds, ...given.map(parseTmpfs)]) }),
    }),
    runOption('mounts', {
      long: 'mount',
      value: 'TYPE:TARGET=SOURCE',
      completes: 'assigned',
      repeatable: true,
      help: 'host-bind, guest-bind (another path inside), ram (a size) or host-image (a file; format=raw or qcow2)',
      carriedBy: 'launcher',
      settle: (draft, given, { cwd }) => ({
        ...draft,
        binds: checkTargets([...draft.binds, ...given.map((text) => parseMount(text, cwd))]),
      }),
    }),
    runOption('environment', {
      long: 'env',
      short: 'v',
      value: 'NAME:VALUE',
      completes: 'none',
      repeatable: true,
      help: "set a variable; also NAME=VALUE, and NAME alone for the caller's value",
      carriedBy: 'launcher',
      settle: (draft, given, caller) => ({ ...draft, environment: parseVariables(given, caller.environment) }),
    }),
    // After the one that overrides it.
    runOption('environmentFiles', {
      long: 'env-file',
      value: 'FILE',
      completes: 'file',
      repeatable: true,
      help: 'set variables from a file with one NAME=VALUE per line',
      carriedBy: 'launcher',
      settle: (draft, files, caller) => {
        const variables = files.flatMap((file) => variablesOfFile(file, caller));
        return { ...draft, environment: { ...Object.fromEntries(variables), ...draft.environment } };
      },
    }),
    runOption('workingDirectory', {
      long: 'chdir',
      short: 'p',
      value: 'DIR',
      completes: 'none',
      help: "working directory inside (default: the template's, or /)",
      carriedBy: 'launcher',
      settle: (draft, path) => ({ ...draft, workingDirectory: parseSandboxPath('usage', 'The working directory', path) }),
    }),
    runOption('user', {
      long: 'user',
      value: 'NAME[:GROUP]',
      completes: 'none',
      help: 'run the command as this user of the template, with its groups; also UID and GID',
      carriedBy: 'launcher',
      settle: (draft, name) => ({ ...draft, user: parseUser('--user', name) }),
    }),
    runOption('hostname', {
      long: 'hostname',
      value: 'NAME',
      completes: 'none',
      help: 'host name inside',
      feature: 'hostname',
      carriedBy: 'launcher',
      settle: (draft, name) => ({ ...draft, hostname: parseHostname('--hostname', name) }),
    }),
    runOption('uidBase', {
      long: 'uid-base',
      short: 'u',
      value: 'N',
      completes: 'none',
      help: 'map user ids N, N+1, ... to 0, 1, ... in the sandbox',
      feature: 'id-base',
      carriedBy: 'launcher',
      settle: (draft, base) => ({ ...draft, uidBase: parseInteger('--uid-base', base, 1, maximumId - idsPerSandbox + 1) }),
    }),
    runOption('gidBase', {
      long: 'gid-base',
      short: 'g',
      value: 'N',
      completes: 'none',
      help: 'map group ids N, N+1, ... to 0, 1, ... in the sandbox',
      feature: 'id-base',
      carriedBy: 'launcher',
      settle: (draft, base) => ({ ...draft, gidBase: parseInteger('--gid-base', base, 1, maximumId - idsPerSandbox + 1) }),
    }),
    runOption('seccomp', {
      long: 'no-seccomp',
      says: false,
      help: 'run without the system-call filter',
      variable: { name: 'DISABLE_SECCOMP_WRAPPER', says: 'any value: --no-seccomp', read: () => false },
      carriedBy: 'launcher',
      settle: (draft, seccomp) => ({ ...draft, seccomp }),
    }),
    runOption('socketcall', {
      long: 'socketcall',
      help: 'let i386 programs create sockets of any address family',
      carriedBy: 'launcher',
      settle: (draft, socketcall) => ({ ...draft, socketcall }),
    }),
  ],
};

import type { Feature } from '../features.ts';
import type { Caller, RunRequest } from '../request.ts';
import type { Passthrough, WantedSpec } from '../spec.ts';

/**
 * What the value of an option is, which the shell completes. `bind` begins with a path of the host and has colons;
 * `assigned` may have one behind `=`; `template` is a name, a dataset or a directory.
 */
export type ValueKind = 'directory' | 'file' | 'bind' | 'assigned' | 'dataset' | 'template' | 'session' | 'engine' | 'none';

/** How an option is written and described. The command line, help, the manual page and completions are made from these. */
export interface OptionForm {
  readonly long: string;
  readonly short?: string;
  /** Name of the value in help; absent: the option takes none. */
  readonly value?: string;
  /** The value may be left out; it is given only as `--long=VALUE`. */
  readonly optionalValue?: true;
  readonly completes?: ValueKind;
  /** May be given more than once. */
  readonly repeatable?: true;
  readonly help: string;
  /**
   * Who carries it out once the launch is decided. `launcher`: the program that carries out the launch, which may be the daemon's client;
   * `caller`: the program in Node, which stays for the whole run.
   */
  readonly carriedBy: 'launcher' | 'caller';
}

/** Options under one heading. */
export interface OptionGroup<Option extends OptionForm = OptionForm> {
  readonly title: string;
  readonly options: readonly Option[];
}

/** A spec being made: what was not requested has its default. */
export interface Draft extends Omit<WantedSpec, 'root' | 'command'> {
  readonly root: WantedSpec['root'] | null;
}

export type RequestKey = Exclude<keyof RunRequest, 'command'>;

/** A variable of the caller's environment that does the same as an option, which overrides it. */
export interface Variable<Value = unknown> {
  readonly name: string;
  /** Its meaning, for the manual page; absent: the same as the option. */
  readonly says?: string;
  /** Only engines that list it use it. */
  readonly ofEngine?: true;
  /** What it puts into the request. Throws `usage`. */
  readonly read: (text: string) => Value;
}

/** An option of a run: its place in a request, the feature that it needs, and its effect on the spec. */
export interface RunOption extends OptionForm {
  readonly key: RequestKey;
  /** Of an option without a value: what it sets `key` to, or adds to it; absent: true. */
  readonly says?: false | Passthrough;
  readonly feature?: Feature;
  readonly variable?: Variable;
  /** Checks the request's value. Throws `usage`, `bad-name`, `bad-bind`, `bad-environment`. */
  readonly settle: (draft: Draft, request: RunRequest, caller: Caller) => Draft;
}

type Asked<Key extends RequestKey> = NonNullable<RunRequest[Key]>;

interface Entry<Key extends RequestKey> extends Omit<RunOption, 'key' | 'variable' | 'settle'> {
  readonly variable?: Variable<Asked<Key>>;
  readonly settle: (draft: Draft, asked: Asked<Key>, caller: Caller) => Draft;
}

/** An option for `key` of a request; `settle` is called if the request has it. */
export function runOption<Key extends RequestKey>(key: Key, { settle, ...entry }: Entry<Key>): RunOption {
  return {
    ...entry,
    key,
    settle: (draft, request, caller) => {
      const asked = request[key];
      return asked === undefined ? draft : settle(draft, asked, caller);
    },
  };
}

/** Whether a request uses the option. */
export function isAsked({ key, says }: RunOption, request: RunRequest): boolean {
  const asked = request[key];
  if (Array.isArray(asked)) return typeof says === 'string' ? asked.includes(says) : asked.length > 0;
  return says === false ? asked === false : asked !== undefined && asked !== false;
}

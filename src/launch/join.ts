/** What a program that joins the run gets, besides what the kernel and the rest of the launch say (launcher/RECORD.md). */
export interface Inside {
  /** The id of the run: 16 hex digits. */
  readonly run: string;
  /**
   * Those of the sandbox's root, by bit. `ambient` and `bounding`: the set of the kernel that restricts them, as the engine does it;
   * `callers`: whatever the caller has.
   */
  readonly capabilities: { readonly held: 'callers' | 'ambient' | 'bounding'; readonly mask: number };
  readonly noNewPrivileges: boolean;
  /** It has no supplementary groups, not even 0. */
  readonly noGroups: boolean;
  /** NAME=VALUE that the engine adds to the environment; empty: nothing. */
  readonly variable: string;
  /** A file of struct sock_filter with the rules that the engine enforces; null: there are none. */
  readonly filter: string | null;
  readonly workingDirectory: string;
  /** The number of the `command` descriptor. */
  readonly command: number;
}

/** A launch of a program in a run that is under way. */
export interface Join {
  /** `sandbox`: it becomes a process of the sandbox; `files`: it only sees its files, with its ids, and the sandbox does not see it. */
  readonly kind: 'sandbox' | 'files';
  readonly run: string;
  /** The process that holds the run, and when it started, as `HolderId` has it. */
  readonly holder: { readonly pid: number; readonly startTime: string };
}

import type { BytePath, Change } from '../change.ts';
import type { Risk } from '../finding.ts';

export type Category =
  | 'packages'
  | 'services'
  | 'schedule'
  | 'accounts'
  | 'access'
  | 'shells'
  | 'loading'
  | 'devices'
  | 'kernel'
  | 'boot'
  | 'network'
  | 'homes'
  | 'rights'
  | 'names'
  | 'traces'
  | 'settings'
  | 'files'
  | 'noise';

/** A text on both sides, with U+FFFD for what is no UTF-8; null: there is no such file, or it is too large. */
export interface TextPair {
  readonly before: string | null;
  readonly after: string | null;
}

export type Texts = ReadonlyMap<BytePath, TextPair>;

/** What the databases of package managers say. */
export type PackageNews = 'installed' | 'changed' | 'removed' | 'incomplete' | 'files';

/**
 * What triggers a rule.
 *
 * `state`: what a file is, wherever it is. Such a rule counts every file that it fits, whatever other rules say.
 *
 * `text`: lines of a file. Each item that `compare` gives counts; the missing side of a file is ''.
 *
 * `path`: where a file is. Of these rules only the first that fits counts a file, and only if no text rule does. Directories fit only with
 * `directories`. The pattern is that of path-pattern.ts, on paths from `canonicalPath`.
 */
export type Match =
  | { readonly by: 'state'; readonly fits: (change: Change) => boolean; readonly item?: (change: Change) => string }
  | {
      readonly by: 'text';
      readonly paths: readonly string[];
      readonly compare: (before: string, after: string, path: BytePath) => readonly string[];
    }
  | {
      readonly by: 'path';
      readonly paths: readonly string[];
      readonly except?: readonly string[];
      /** `set`: it is new, has another content or another type; `gone`: it was deleted; `any` (default): it differs in whatever way. */
      readonly when?: 'set' | 'gone' | 'any';
      readonly directories?: true;
      readonly fits?: (change: Change) => boolean;
      readonly item?: (change: Change) => string;
    }
  | { readonly by: 'packages'; readonly news: PackageNews }
  /** Copies of files of /etc/skel in homes, which no rule about a path or a text counts. */
  | { readonly by: 'skeleton' }
  /** A text that a rule needs is missing. */
  | { readonly by: 'unread' };

/** A row of the table. */
export interface Rule {
  readonly id: string;
  readonly category: Category;
  readonly risk: Risk;
  /** What it counts, for one and for more: "user", "users". */
  readonly what: readonly [one: string, many: string];
  /** Why it matters, as a sentence. */
  readonly why: string;
  /** It counts only what no state rule counts, and no file of a package. Such a rule never has a high risk. */
  readonly general?: true;
  /** The sentence at the head names some items. */
  readonly named?: true;
  /** All items are shown, however many there are. */
  readonly inFull?: true;
  readonly match: Match;
}

/** Where a file is when the directories that /usr took over are no links to it: `lib/x` is `usr/lib/x`. */
export function canonicalPath(path: BytePath): BytePath {
  return /^(?:bin|sbin|lib|lib32|lib64|libx32)\//.test(path) ? `usr/${path}` : path;
}

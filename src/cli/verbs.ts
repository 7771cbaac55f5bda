/** Words that may come first on the command line; `run` may be left out. */
export const verbs = [
  'run',
  'refresh',
  'watch',
  'list',
  'status',
  'ps',
  'kill',
  'sessions',
  'enter',
  'exec',
  'diff',
  'cp',
  'rm',
  'rename',
  'template',
  'config',
  'serve',
  'doctor',
  'completion',
  'help',
] as const;

/** Verbs that have verbs of their own, which come second. */
export const subVerbs = {
  template: [
    'create',
    'list',
    'show',
    'shell',
    'exec',
    'update',
    'snapshot',
    'rollback',
    'rename',
    'remove',
    'send',
    'receive',
    'push',
    'pull',
    'default',
  ],
  config: ['check', 'show', 'edit', 'approve'],
} as const;
type SubVerbs = typeof subVerbs;
/** A verb that has verbs of its own, and those. */
export type VerbsOf<First extends keyof SubVerbs> = First extends keyof SubVerbs ? First | `${First} ${SubVerbs[First][number]}` : never;

/** As it is typed: one word, or two. */
export type Verb = (typeof verbs)[number] | { [First in keyof SubVerbs]: VerbsOf<First> }[keyof SubVerbs];

/** Every verb, those of one word first. */
export const allVerbs: readonly Verb[] = [...verbs, ...Object.entries(subVerbs).flatMap(([first]) => verbsBelow(first as keyof SubVerbs))];

/** The verbs of two words that begin with `first`. */
export function verbsBelow<First extends keyof SubVerbs>(first: First): readonly VerbsOf<First>[] {
  return subVerbs[first].map((second) => `${first} ${second}` as VerbsOf<First>);
}

/** Whether `verb` is `first` or one of its own. */
export function isVerbOf<First extends keyof SubVerbs>(first: First, verb: Verb): verb is VerbsOf<First> {
  return verb === first || verb.startsWith(`${first} `);
}

/** Verbs that show something, once or repeatedly. */
export const viewVerbs = ['list', 'status', 'ps'] as const;
/** Verbs about sessions that start no command. */
export const sessionVerbs = ['sessions', 'diff', 'cp', 'rm', 'rename'] as const;

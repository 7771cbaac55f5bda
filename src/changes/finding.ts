import type { BytePath } from './change.ts';

/** Highest first. */
export const risks = ['high', 'medium', 'low', 'none'] as const;
export type Risk = (typeof risks)[number];

/** What some changes mean for a person. */
export interface Finding {
  readonly rule: string;
  readonly category: string;
  readonly risk: Risk;
  readonly count: number;
  /** Names for people, such as `nginx 1.22.1-9`. */
  readonly items: readonly string[];
  readonly paths: readonly BytePath[];
  /** One sentence: why it matters. */
  readonly why: string;
}

/** What all changes mean, ordered by risk. */
export interface Report {
  /** One sentence, made of the findings. */
  readonly summary: string;
  readonly findings: readonly Finding[];
}

import type { Change, FileState } from '../change.ts';
import type { TextPair } from './rule.ts';

/** Whether the text of the file is different, or may be. A directory has none. */
export function hasNewText({ kinds, before, after }: Change): boolean {
  const hasText = (state: FileState | null) => state?.kind === 'file' || state?.kind === 'link';
  return (
    (hasText(before) || hasText(after)) &&
    kinds.some((kind) => kind === 'added' || kind === 'deleted' || kind === 'content' || kind === 'type')
  );
}

/** Whether a text that is needed is missing. A link leads to a text that is elsewhere, so it cannot be compared. */
export function isUnread({ before, after }: Change, pair: TextPair | undefined): boolean {
  const isMissing = (state: FileState | null, text: string | null | undefined) => state?.kind === 'file' && (text ?? null) === null;
  return isMissing(before, pair?.before) || isMissing(after, pair?.after) || after?.kind === 'link';
}

/** The most that is kept of a command, for `isolate ps`: bytes as JSON, in which a control character takes six. */
const longestCommand = 4096;

/** What is kept of a command that is only shown. */
export function shortenCommand(command: readonly string[], longest = longestCommand): readonly string[] {
  const kept: string[] = [];
  let left = longest;
  for (const word of command) {
    if (left <= 0) break;
    // Only its beginning counts, which may be all of it.
    const beginning = word.slice(0, left);
    const cost = Buffer.byteLength(JSON.stringify(beginning));
    kept.push(cost <= left ? beginning : beginning.slice(0, Math.floor(left / 6)));
    left -= cost + 1;
  }
  // A copy, because a part of a string keeps the whole string in memory.
  return JSON.parse(JSON.stringify(kept)) as string[];
}

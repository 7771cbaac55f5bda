/** The most that is kept of a command: bytes as JSON, in which a control character takes six. */
const longestCommand = 4096;

/** What is kept of a command, for `isolate ps`. */
export function shortenCommand(command: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let left = longestCommand;
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

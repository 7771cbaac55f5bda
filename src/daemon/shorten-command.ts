/** More of a command than this is not kept. */
const longestCommand = 4096;

/** What is kept of a command, for `isolate ps`. */
export function shortenCommand(command: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let left = longestCommand;
  for (const word of command) {
    if (left <= 0) break;
    kept.push(word.slice(0, left));
    left -= word.length + 1;
  }
  // A copy, for a part of a string keeps the whole of it in memory.
  return JSON.parse(JSON.stringify(kept)) as string[];
}

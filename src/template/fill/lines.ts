/** What of a longer line is passed on. */
const longestLine = 8192;

/** Cuts chunks of a stream into lines, without their ends; `end` passes on what has no end. */
export function cutLines(onLine: (line: string) => void): { readonly add: (chunk: Buffer) => void; readonly end: () => void } {
  let rest = '';
  return {
    add: (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLine);
      for (const line of lines) onLine(line.slice(0, longestLine));
    },
    end: () => {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}

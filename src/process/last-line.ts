/** The last line of what a tool printed on standard error, safe for a terminal and without its full stop, for a message. */
export function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? 'no reason was given' : line.replaceAll(/\p{Cc}/gu, '?').replace(/\.$/, '');
}

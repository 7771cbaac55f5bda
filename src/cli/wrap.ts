/** The words of `text` in lines of at most `width` columns; every line but the first begins with `indent` spaces. */
export function wrap(text: string, width: number, indent: number, firstUsed: number = indent): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const left = width - (lines.length === 0 ? firstUsed : indent);
    if (line !== '' && line.length + 1 + word.length > left) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}

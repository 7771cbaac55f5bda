/** The paths, and the letters of their changes, in what `isolate-tree compare` prints, read as latin1. */
export function lettersIn(output: string): readonly (readonly [path: string, letters: string])[] {
  const found: [string, string][] = [];
  let fields: string[] = [];
  for (const field of output.split('\0')) {
    if (field !== '' || fields.length < 6) fields.push(field);
    else {
      found.push([fields[1] ?? '', fields[0] ?? '']);
      fields = [];
    }
  }
  return found;
}

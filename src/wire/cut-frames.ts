/**
 * Cuts what comes piece by piece into frames: each begins with `headerBytes` that tell `lengthOf` its whole length, header
 * included. What `lengthOf` or `onFrame` throws reaches the caller.
 */
export function cutFrames(
  headerBytes: number,
  lengthOf: (header: Buffer) => number,
  onFrame: (frame: Buffer) => void,
): (piece: Buffer) => void {
  let pieces: Buffer[] = [];
  let have = 0;
  let need = headerBytes;
  return (piece) => {
    pieces.push(piece);
    have += piece.length;
    if (have < need) return;
    let rest = pieces.length === 1 ? piece : Buffer.concat(pieces, have);
    for (need = headerBytes; rest.length >= need; need = headerBytes) {
      need = lengthOf(rest.subarray(0, headerBytes));
      if (rest.length < need) break;
      onFrame(rest.subarray(0, need));
      rest = rest.subarray(need);
    }
    pieces = [rest];
    have = rest.length;
  };
}

import { execFileSync } from 'node:child_process';

/** How many pixels of each colour (0xrrggbb) the root window of an X server shows. */
export function countColours(environment: Readonly<Record<string, string>>): ReadonlyMap<number, number> {
  const image = execFileSync('xwd', ['-root', '-silent'], {
    env: { PATH: '/usr/bin:/bin', ...environment },
    timeout: 30_000,
    maxBuffer: 2 ** 26,
  });
  return countXwd(image);
}

/** Reads an image of xwd(1) with 32 bits a pixel, least significant byte first, as XWDFile.h describes it. */
function countXwd(image: Buffer): ReadonlyMap<number, number> {
  const field = (index: number): number => image.readUInt32BE(4 * index);
  const [headerSize, width, height, bytesPerLine, colours] = [field(0), field(4), field(5), field(12), field(19)];
  if (field(11) !== 32 || field(7) !== 0) throw new Error('the image has another format than 32 bits, least significant byte first');
  const start = headerSize + 12 * colours;
  const counts = new Map<number, number>();
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const colour = image.readUInt32LE(start + row * bytesPerLine + 4 * column) & 0xff_ffff;
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
  }
  return counts;
}

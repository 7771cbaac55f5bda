import type { Readable } from 'node:stream';

/** The files of an image, wherever they are. Their author may be hostile. */
export interface ImageFiles {
  /** Of the image, in errors. */
  readonly name: string;
  /** Throws `bad-source` if there is no file `path`, if it is not a regular one, or if it has more than `most` bytes. */
  read(path: string, most: number): Promise<Buffer>;
  /** As bytes that the receiver takes to the end, or destroys. Errors, as of `read`, are those of the stream. */
  open(path: string): Promise<Readable>;
}

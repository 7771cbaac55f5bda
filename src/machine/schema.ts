/**
 * The one schema of the channel between the host's end of a machine (machine/) and its init (guest/): frames over a virtio-serial
 * port, in both directions. `scripts/build-schema.ts` writes guest/schema.h from it. Numbers are 32 bits, little endian.
 *
 * A frame is a word, its kind in the upper 8 bits and the length of its body in the others, and the body. The machine is hostile: the
 * host's end takes only what a rule allows, at the time at which it is allowed.
 */

/** Changes with any change of the frames; both ends are built together, so another version is refused. */
export const channelVersion = 2;

/** Most bytes of a frame's body. */
export const frameBytes = 32_768;

/** What one end may send of a stream before the other end has granted more. */
export const windowBytes = 131_072;

export interface FrameRule {
  readonly kind: number;
  readonly from: 'host' | 'guest';
  /** The numbers of its body, by name; `bytes`: anything up to `frameBytes`; `strings`: texts, each ended by a NUL. */
  readonly body: readonly string[] | 'bytes' | 'strings';
}

export const frames = {
  /** The host begins with what is to be prepared, in the order in which it is done. */
  hostname: { kind: 1, from: 'host', body: 'strings' },
  /** TYPE, TAG, OPTIONS of the file system that has `root` and every source of a bind. */
  share: { kind: 2, from: 'host', body: 'strings' },
  /** SOURCE (in the share), TARGET, FLAGS, KIND (`directory` or `file`). The bind to / comes first. A missing target is made. */
  bind: { kind: 3, from: 'host', body: 'strings' },
  /** TYPE, TARGET, FLAGS (names of src/launch/operations.ts, comma separated), OPTIONS. A missing target is made. */
  mount: { kind: 4, from: 'host', body: 'strings' },
  /** TARGET, CONTENT of a file that is bound there, and in the memory of the machine. */
  file: { kind: 5, from: 'host', body: 'strings' },
  /** DIRECTORY, NAME, TARGET of a symbolic link. What is there stays. */
  link: { kind: 6, from: 'host', body: 'strings' },
  /** SOURCE, TARGET, FLAGS of a bind from another path of the root, which all frames before it have made. A missing target is made. */
  inside: { kind: 7, from: 'host', body: 'strings' },
  /** FILE (for messages), SERIAL, TARGET, FLAGS of the file system on the disk with this serial number. A missing target is made. */
  image: { kind: 8, from: 'host', body: 'strings' },
  /** SERIAL, TAG: the disk with this serial number is also at /dev/disk/by-tag/TAG. */
  disk: { kind: 9, from: 'host', body: 'strings' },
  /** NAME of a network card that is to be up. */
  card: { kind: 10, from: 'host', body: 'strings' },
  /** NAME of the card, ADDRESS, PREFIX, BROADCAST, which may be empty. */
  address: { kind: 11, from: 'host', body: 'strings' },
  /** NAME of the card, DESTINATION, PREFIX, GATEWAY. */
  route: { kind: 12, from: 'host', body: 'strings' },
  'working-directory': { kind: 13, from: 'host', body: 'strings' },
  /** As --user names it. */
  user: { kind: 14, from: 'host', body: 'strings' },
  /** A part of the command, as launcher/RECORD.md has it. */
  command: { kind: 15, from: 'host', body: 'bytes' },
  /** `terminals`: bit N says that stream N is the terminal; bit 3, that it does not echo. */
  start: { kind: 16, from: 'host', body: ['terminals', 'rows', 'columns', 'width', 'height'] },
  /** Of standard input; empty: its end. */
  input: { kind: 17, from: 'host', body: 'bytes' },
  'grant-output': { kind: 18, from: 'host', body: ['stream', 'bytes'] },
  window: { kind: 19, from: 'host', body: ['rows', 'columns', 'width', 'height'] },
  signal: { kind: 20, from: 'host', body: ['number'] },
  /** Nobody reads this stream of the command any more. */
  'output-unread': { kind: 21, from: 'host', body: ['stream'] },

  hello: { kind: 32, from: 'guest', body: ['version'] },
  /** The command was executed. */
  started: { kind: 33, from: 'guest', body: [] },
  /** It was not: `what` is 0 for the command, 1 for its user, 2 for what was to be prepared, 3 for its directory. `step`: for 2, how many
   * preparations were done before. */
  failed: { kind: 34, from: 'guest', body: ['what', 'error', 'step'] },
  /** Empty: its end. */
  output: { kind: 35, from: 'guest', body: 'bytes' },
  errors: { kind: 36, from: 'guest', body: 'bytes' },
  'grant-input': { kind: 37, from: 'guest', body: ['bytes'] },
  /** Nobody reads standard input any more. */
  'input-unread': { kind: 38, from: 'guest', body: [] },
  /** The command was stopped by a signal, when it had been told to go on (SIGCONT) so often. */
  stopped: { kind: 39, from: 'guest', body: ['signal', 'continued'] },
  /** As wait(2) has it. All that was written has been sent before. */
  exited: { kind: 40, from: 'guest', body: ['status'] },
} as const satisfies Readonly<Record<string, FrameRule>>;

export type FrameName = keyof typeof frames;

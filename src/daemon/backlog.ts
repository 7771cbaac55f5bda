import { rightsOf } from '../host/rights.ts';
/** What one connection makes the daemon keep in memory. */
export interface Account {
  /** Counts so many bytes; null: there is no room for them, and the connection is to be ended. */
  readonly hold: (bytes: number) => Hold | null;
}

/** Bytes that are counted until they are released. */
export interface Hold {
  /** It is more, or less, than was thought; false: there is no room for it. */
  readonly resize: (bytes: number) => boolean;
  readonly release: () => void;
}

export interface Backlog {
  /** `evict` is called when this connection has to end because its user has more under way than any other. */
  readonly open: (uid: number, evict: () => void) => Account;
  /** Bytes that are held, of all users. */
  readonly size: () => number;
}

export interface BacklogLimits {
  /** Of one user, over all of its connections. Root has no limit of its own. */
  readonly userBytes: number;
  /** Of all users, root included. client/node.c sets the size of the heap by it. */
  readonly allBytes: number;
}

const mebibyte = 1024 * 1024;
const defaultLimits: BacklogLimits = { userBytes: 16 * mebibyte, allBytes: 64 * mebibyte };

interface User {
  bytes: number;
  readonly connections: Set<Connection>;
}

interface Connection {
  bytes: number;
  isEvicted: boolean;
  readonly evict: () => void;
}

/**
 * A limit to the memory that the messages of clients take while they wait or are worked on. Where all users together reach it
 * the one that has most under way loses its latest connection, so a user who has little is served whatever the others do.
 */
export function createBacklog({ userBytes, allBytes }: BacklogLimits = defaultLimits): Backlog {
  const users = new Map<number, User>();
  let all = 0;

  const ownBytes = (uid: number): number => users.get(uid)?.bytes ?? 0;

  function change(uid: number, connection: Connection, bytes: number): void {
    const user = users.get(uid) ?? { bytes: 0, connections: new Set() };
    if (user.bytes === 0 && bytes > 0) users.set(uid, user);
    if (connection.bytes === 0 && bytes > 0) user.connections.add(connection);
    connection.bytes += bytes;
    user.bytes += bytes;
    all += bytes;
    if (connection.bytes === 0) user.connections.delete(connection);
    if (user.bytes === 0) users.delete(uid);
  }

  function evictOne(uid: number, { connections }: User): void {
    const latest = [...connections].at(-1);
    if (latest === undefined) return;
    latest.isEvicted = true;
    change(uid, latest, -latest.bytes);
    latest.evict();
  }

  /** Whether there is room for so many more bytes of the user. */
  function makeRoom(uid: number, bytes: number): boolean {
    const own = ownBytes(uid);
    if (rightsOf(uid) === 'user' && own + bytes > userBytes) return false;
    while (all + bytes > allBytes) {
      const [greatest] = [...users].toSorted(([, left], [, right]) => right.bytes - left.bytes);
      if (greatest === undefined || greatest[0] === uid || greatest[1].bytes <= own + bytes) return false;
      evictOne(...greatest);
    }
    return true;
  }

  return {
    open: (uid, evict) => {
      const connection: Connection = { bytes: 0, isEvicted: false, evict };
      return {
        hold: (bytes) => {
          if (connection.isEvicted || !makeRoom(uid, bytes)) return null;
          change(uid, connection, bytes);
          return holdOf(bytes, {
            change: (more) => change(uid, connection, more),
            mayGrow: (more) => !connection.isEvicted && (more <= 0 || makeRoom(uid, more)),
            isOver: () => connection.isEvicted,
          });
        },
      };
    },
    size: () => all,
  };
}

interface Counting {
  readonly change: (bytes: number) => void;
  readonly mayGrow: (bytes: number) => boolean;
  /** All that the connection held was counted off with it. */
  readonly isOver: () => boolean;
}

function holdOf(held: number, { change, mayGrow, isOver }: Counting): Hold {
  let bytes = held;
  return {
    resize: (now) => {
      if (!mayGrow(now - bytes)) return false;
      change(now - bytes);
      bytes = now;
      return true;
    },
    release: () => {
      if (!isOver()) change(-bytes);
      bytes = 0;
    },
  };
}

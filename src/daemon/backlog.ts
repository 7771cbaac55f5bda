import { rightsOf } from '../host/rights.ts';
/** What one connection makes the daemon keep in memory. */
export interface Account {
  /** Counts this many bytes; null: there is no room for them, and the connection has to end. */
  readonly hold: (bytes: number) => Hold | null;
}

/** Bytes that are counted until they are released. */
export interface Hold {
  /** Corrects the number of bytes; false: there is no room for it. */
  readonly resize: (bytes: number) => boolean;
  readonly release: () => void;
}

export interface Backlog {
  /** `evict` is called when this connection has to end because its user holds more than any other. */
  readonly open: (uid: number, evict: () => void) => Account;
  /** Bytes held for all users. */
  readonly size: () => number;
}

export interface BacklogLimits {
  /** For one user, over all connections. Root has no limit of its own. */
  readonly userBytes: number;
  /** For all users, including root. client/node.c sets the heap size accordingly. */
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
 * Limits the memory of clients' messages that wait or are being handled. If all users together reach the limit, the user who holds most
 * loses the latest connection, so a user who holds little is served whatever the others do.
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

  /** Whether there is room for this many more bytes of the user. */
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
  /** Everything that the connection held was released with it. */
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

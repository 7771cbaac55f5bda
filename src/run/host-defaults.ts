import { connectDaemon } from '../client/daemon-connection.ts';
import { queryDaemon } from '../client/query.ts';
import { type HostDefaults, hostDefaults, type HostKeys, readHostDefaults } from '../config/runs/host-defaults.ts';

const answerMs = 3_000;

/**
 * What the administrator's settings say about every user's runs. The daemon is asked if one of the files is hidden from this user; without
 * a daemon the others count. Throws `bad-config`.
 */
export async function findHostDefaults(): Promise<HostDefaults> {
  const { defaults, isWhole } = await readHostDefaults();
  const told = isWhole ? null : await askDaemon();
  return told === null ? defaults : hostDefaults(told);
}

/** Null: there is no daemon, or none that answers this user. */
async function askDaemon(): Promise<HostKeys | null> {
  try {
    const connection = await connectDaemon();
    if (connection === null) return null;
    try {
      return readKeys(await queryDaemon(connection, 'defaults', answerMs));
    } finally {
      connection.close();
    }
  } catch {
    return null;
  }
}

function readKeys(answer: unknown): HostKeys | null {
  if (typeof answer !== 'object' || answer === null) return null;
  const { template, engine, store } = answer as Readonly<Record<string, unknown>>;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return { template: text(template), engine: text(engine), store: text(store) };
}

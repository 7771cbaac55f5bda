/** The client that started this process to decide a run for it. */
export interface OwnClient {
  /** Where it reads what was decided: messages as the daemon sends them. */
  readonly descriptor: number;
  /** It is the run's process: it goes on when this one has ended. */
  readonly pid: number;
  /** The root of the shelf, from which it takes the tree of a clone itself; null: it does not. */
  readonly shelf: number | null;
}

let told: OwnClient | null = null;

/** Null: this process does all of a run itself. */
export function ownClient(): OwnClient | null {
  return told;
}

/** Says once, before anything else is done, for whom this process decides. */
export function useOwnClient(client: OwnClient | null): void {
  told = client;
}

let told: Readonly<NodeJS.ProcessEnv> | null = null;

/**
 * The environment variables of the caller of isolate. In the library they are those of the process; the command line is told
 * them (`useCallerEnvironment`), because its own process has none of the caller's: Node, its libraries and the packages read many.
 */
export function callerEnvironment(): Readonly<NodeJS.ProcessEnv> {
  return told ?? process.env;
}

/** Says what the caller's variables are, once, before anything else is done. */
export function useCallerEnvironment(environment: Readonly<NodeJS.ProcessEnv>): void {
  told = environment;
}

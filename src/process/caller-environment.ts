let told: Readonly<NodeJS.ProcessEnv> | null = null;

/**
 * The environment variables of isolate's caller. In the library they are those of the process. The command line sets them
 * (`useCallerEnvironment`), because its own process has none of the caller's: Node, its libraries and the packages read many.
 */
export function callerEnvironment(): Readonly<NodeJS.ProcessEnv> {
  return told ?? process.env;
}

/** Sets the caller's variables, once, before anything else is done. */
export function useCallerEnvironment(environment: Readonly<NodeJS.ProcessEnv>): void {
  told = environment;
}

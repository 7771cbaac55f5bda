/** Variables that dist/isolate-node hides from its own Node by the prefix `CALLER_` (src/cli/isolate.sh). */
const HIDDEN = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE', 'OPENSSL_CONF'] as const;

/** The environment as it was before dist/isolate-node started Node: what the caller has set, nothing of our own. */
export function callerEnvironment(environment: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  const caller = { ...environment };
  for (const name of HIDDEN) {
    const hidden = caller[`CALLER_${name}`];
    delete caller[`CALLER_${name}`];
    delete caller[name];
    if (hidden !== undefined) {
      caller[name] = hidden;
    }
  }
  return caller;
}

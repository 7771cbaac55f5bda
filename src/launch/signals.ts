/** By number from 1, as signal(7) has them for all architectures that Node runs on but MIPS. */
export const signalNames: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
];

/** A real-time signal has no name: it is SIG and its number. */
export function signalName(signal: number): NodeJS.Signals {
  return signalNames[signal - 1] ?? (`SIG${signal}` as NodeJS.Signals);
}

/** The inverse of `signalName`. */
export function signalNumber(name: NodeJS.Signals): number {
  const index = signalNames.indexOf(name);
  return index < 0 ? Number(name.slice('SIG'.length)) : index + 1;
}

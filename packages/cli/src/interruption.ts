/**
 * Ctrl-C, a hang-up or a polite kill while a command runs: the first asks the command to end, the second ends the program at
 * once. Used by the commands on the main thread; whoever starts to listen also ends it.
 */

/** What asks a program to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type EndSignal = (typeof SIGNALS)[number];

/** Exit status of a program that Ctrl-C ended. */
export const INTERRUPTED = 130;

/** The part of `process` that is used. */
export interface SignalSource {
  on(event: EndSignal, listener: () => void): unknown;
  off(event: EndSignal, listener: () => void): unknown;
}

export interface Interruption extends Disposable {
  /** Aborted by the first of them. */
  readonly signal: AbortSignal;
}

/** Listens until it is disposed of. `exit` ends the program. */
export function listenForInterruption(
  source: SignalSource = process,
  exit: (status: number) => void = (status) => process.exit(status),
): Interruption {
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) exit(INTERRUPTED);
    else controller.abort();
  };
  for (const signal of SIGNALS) source.on(signal, listener);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of SIGNALS) source.off(signal, listener);
    },
  };
}

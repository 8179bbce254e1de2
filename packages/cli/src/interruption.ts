/**
 * Ctrl-C while a command runs: the first asks the command to end, the second ends the program at once. Used by the
 * commands on the main thread; whoever starts to listen also ends it.
 */

/** Exit status of a program that Ctrl-C ended. */
export const INTERRUPTED = 130;

/** The part of `process` that is used. */
export interface SignalSource {
  on(event: 'SIGINT', listener: () => void): unknown;
  off(event: 'SIGINT', listener: () => void): unknown;
}

export interface Interruption extends Disposable {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Listens for Ctrl-C until it is disposed of. `exit` ends the program. */
export function listenForInterruption(
  source: SignalSource = process,
  exit: (status: number) => void = (status) => process.exit(status),
): Interruption {
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) exit(INTERRUPTED);
    else controller.abort();
  };
  source.on('SIGINT', listener);
  return { signal: controller.signal, [Symbol.dispose]: () => source.off('SIGINT', listener) };
}

/**
 * When a command that could go on for ever is to end. Used by the commands on the main thread. Not `AbortSignal.any` and
 * `AbortSignal.timeout`: in Node 20 such a signal is collected, and never aborted, when nothing but its listeners knows it.
 */

/** A signal that is aborted with the first of `signals`, and after so many seconds; 0: not of itself. */
export function endOf(signals: readonly AbortSignal[], seconds: number): AbortSignal {
  const controller = new AbortController();
  const end = () => {
    clearTimeout(timer);
    controller.abort();
  };
  // What the command does keeps the program running, not its limit.
  const timer = seconds === 0 ? undefined : setTimeout(end, seconds * 1000).unref();
  for (const signal of signals) {
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  }
  return controller.signal;
}

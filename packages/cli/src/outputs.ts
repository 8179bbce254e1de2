/**
 * What becomes of the program when something that it prints cannot be written: nobody reads it any more
 * (`mediated events | head -1`), or the disk is full. The running command is asked to end, as by Ctrl-C, so that nothing of it is
 * left behind. Made once by `main.ts`, for as long as the program runs.
 */

/** The part of `process.stdout` and `process.stderr` that is used. */
export interface FailingOutput {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

export interface Outputs {
  /** Aborted when stdout cannot be written. */
  readonly signal: AbortSignal;
  /** The exit status once that is so: 0 for a reader that has seen enough, 1 for anything else. */
  readonly status: number | undefined;
}

/** `failed` is told the status, also when the command has ended by then; `tell` is given a sentence. */
export function watchOutputs(
  { stdout, stderr }: { readonly stdout: FailingOutput; readonly stderr: FailingOutput },
  failed: (status: number) => void,
  tell: (sentence: string) => void,
): Outputs {
  const controller = new AbortController();
  let status: number | undefined;
  stdout.on('error', ({ code, message }) => {
    // What is printed after the first failure fails too.
    if (status !== undefined) return;
    status = code === 'EPIPE' ? 0 : 1;
    if (status === 1) tell(`what it prints cannot be written: ${message}`);
    failed(status);
    controller.abort();
  });
  // There is nowhere left to tell it, and the command is not in its way.
  stderr.on('error', () => {});
  return {
    signal: controller.signal,
    get status() {
      return status;
    },
  };
}

/** A promise and who settles it: for what one function awaits and others bring about, on either side. Private to its thread. */

export interface Outcome {
  readonly promise: Promise<void>;
  /** Again, or after {@link reject}: nothing. */
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function outcome(): Outcome {
  let resolve: Outcome['resolve'] = () => {};
  let reject: Outcome['reject'] = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

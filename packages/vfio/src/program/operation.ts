/**
 * What a program does in several questions to other threads, written once for both faces: a generator that yields
 * questions, which are awaited (`perform`) or blocked for (`performSync`). Used by the files of this folder; pure.
 */

/** A question in both ways of asking it. */
export interface Question<T> {
  ask(): Promise<T>;
  askSync(): T;
}

/** Yields questions, is given their answers (or their errors, thrown), and returns what it has found out. */
export type Operation<T> = Generator<Question<unknown>, T, unknown>;

/** One question as a step of an operation: `yield* put(question)`. */
export function* put<T>(question: Question<T>): Operation<T> {
  return (yield question) as T;
}

export async function perform<T>(operation: Operation<T>): Promise<T> {
  let step = operation.next();
  while (step.done !== true) {
    step = await step.value.ask().then(
      (answer) => operation.next(answer),
      (error: unknown) => operation.throw(error),
    );
  }
  return step.value;
}

export function performSync<T>(operation: Operation<T>): T {
  let step = operation.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = step.value.askSync();
    } catch (error) {
      step = operation.throw(error);
      continue;
    }
    step = operation.next(answer);
  }
  return step.value;
}

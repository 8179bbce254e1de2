/**
 * The event loop of an explored thread whose body is asynchronous: its tasks (`tasks.ts`) are begun one by one, when the
 * scheduler says so. Runs in the thread, with the token whenever it goes on.
 */
import type { ExploredThread } from './explored-thread.js';
import { ALONE, AWAITING, READY, STATUS, TIMED, TIMED_BUFFER, TIMED_OFFSET, TURN_LIMIT } from './layout.js';
import { CHANGES_QUEUE, RESUME, TIMEOUT } from './operations.js';
import { recordStep } from './trace.js';
import { unwind } from './unwind.js';

/** Runs tasks until `result` is settled and no immediate is left. Throws what it was rejected with, or to unwind. */
export async function untilSettled(thread: ExploredThread, result: PromiseLike<unknown>): Promise<void> {
  const { words, row, tasks } = thread;
  let settled = false;
  let failure: { error: unknown } | undefined;
  result.then(
    () => {
      settled = true;
    },
    (error: unknown) => {
      settled = true;
      failure = { error };
    },
  );
  for (;;) {
    await tasks.microtasks();
    if ((settled && !tasks.hasImmediates) || thread.unwinding) break;
    words[row + STATUS] = AWAITING;
    // Who puts something off until the others have had their turn, means it.
    if (tasks.hasImmediates) words[ALONE] = words[TURN_LIMIT];
    tasks.announceTime();
    thread.turnToResume();
    words[row + STATUS] = READY;
    words[row + TIMED] = 0;
    if (thread.timePassed) {
      const where = words[row + TIMED_BUFFER];
      recordStep(words, TIMEOUT, where < 0 ? 0 : CHANGES_QUEUE, where, words[row + TIMED_OFFSET], 4, 0);
      tasks.clock.pass();
      tasks.beginTimed();
    } else {
      recordStep(words, RESUME, 0, -1, 0, 0, 0);
      tasks.beginOldest();
    }
  }
  if (thread.unwinding) throw unwind;
  if (failure !== undefined) throw failure.error;
}

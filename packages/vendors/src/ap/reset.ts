/**
 * Resetting queues (ap section 10): zeroise, then ask until the card is done. Where the kernel's driver asks every
 * 20 ms, this one awaits what makes the card answer something else. Under the bus's mutex, waits included, as there: a
 * queue that stays busy delays all devices.
 */
import type { ApMemory } from './ap-memory.js';
import { freeInterrupt } from './interrupts.js';
import { type Queue, RESPONSES } from './queue.js';
import { trace } from './trace.js';

const { normal, notAvailable, resetInProgress, deconfigured, checkstopped, busy, stateChange } = RESPONSES;
const { bindFailed, associateFailed } = RESPONSES;

/** Resets queues, all at once, and waits for each. Returns whether all resets ended with response 0. */
export async function resetQueues(ap: ApMemory, queues: readonly Queue[]): Promise<boolean> {
  const started = queues.filter((queue) => startReset(ap, queue));
  for (const queue of started) await finishReset(ap, queue);
  return queues.every(({ status }) => status === normal);
}

/** Returns whether the end of the reset is to be waited for. */
function startReset(ap: ApMemory, queue: Queue): boolean {
  queue.status = queue.zeroise();
  switch (queue.status) {
    case normal:
    case resetInProgress:
    case busy:
    case stateChange:
      return true;
    case notAvailable:
    case deconfigured:
    case checkstopped:
      freeInterrupt(ap, queue);
      return false;
    default:
      trace(ap, 'refused', queue.apqn, queue.status);
      return false;
  }
}

async function finishReset(ap: ApMemory, queue: Queue): Promise<void> {
  for (;;) {
    while (ap.answers.tryWait()) {
      // What was announced before the question below is in its answer.
    }
    const willChange = queue.scripted;
    const response = queue.test();
    switch (response) {
      case normal:
      case deconfigured:
      case checkstopped:
        if (queue.status !== resetInProgress && queue.status !== busy && queue.status !== stateChange) {
          freeInterrupt(ap, queue);
          return;
        }
        queue.status = queue.zeroise();
        break;
      case resetInProgress:
      case busy:
        if (!willChange) await ap.answers.wait();
        break;
      case bindFailed:
      case associateFailed:
        queue.status = queue.zeroise();
        break;
      case notAvailable:
        freeInterrupt(ap, queue);
        return;
      default:
        trace(ap, 'refused', queue.apqn, response);
        return;
    }
  }
}

/**
 * Sleeps in the kernel for a set of watches (`watches.ts`) and for the event loop of the calling thread at once, whose other work
 * has its turn as ever. For a thread of which that is the work: the doorman, the thread that waits for clients.
 */
import { EPOLL_CTL_ADD, EVENT_BYTES, WORD_AT } from './epoll-set.js';
import { EventLoop } from './event-loop.js';
import { checked, EINTR, epollWaitLater, lastErrno, libc } from './libc.js';
import { READABLE } from './poll-set.js';
import { FIRST_WORD } from './watches.js';

const MOST_EVENTS = 64;
/** Word of the event loop's descriptor; those of waits are above. */
const LOOP = FIRST_WORD - 1;

/**
 * Sleeps and tells the words that have come, until it is over, which is looked at whenever something has come. `set`: the
 * number of the kernel's set, in which this thread's event loop is from now on.
 */
export async function sleepFor(
  set: number,
  tell: (words: readonly number[]) => void,
  isOver: () => boolean,
): Promise<void> {
  const loop = new EventLoop();
  const events = new Uint8Array(new ArrayBuffer(MOST_EVENTS * EVENT_BYTES));
  const view = new DataView(events.buffer);

  /** How many events have come. */
  async function sleep(): Promise<number> {
    // Its loop has to go on, so somebody else sleeps for it.
    if (loop.descriptor < 0) return epollWaitLater(set, events, MOST_EVENTS);
    await loop.turn();
    const ready = libc.epollWait(set, events, MOST_EVENTS, loop.patience());
    return ready < 0 && lastErrno() !== EINTR ? checked(ready, 'epoll_wait') : ready;
  }

  if (loop.descriptor >= 0) {
    view.setUint32(0, READABLE, true);
    view.setUint32(WORD_AT, LOOP, true);
    checked(libc.epollControl(set, EPOLL_CTL_ADD, loop.descriptor, events), 'epoll_ctl');
  }
  loop.enter();
  try {
    while (!isOver()) {
      const count = await sleep();
      const words: number[] = [];
      for (let at = 0; at < count; at++) {
        const word = view.getUint32(at * EVENT_BYTES + WORD_AT, true);
        if (word !== LOOP) words.push(word);
      }
      if (words.length > 0) tell(words);
    }
  } finally {
    loop.leave();
  }
}

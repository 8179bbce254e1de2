/**
 * The event loop of the calling thread as other event loops see it: what it waits for shows as one descriptor, and it says how
 * long it may sleep. A thread that has to sleep for something of which Node knows nothing sleeps for both, and is woken by
 * whatever would have woken Node: another thread's message or notification, a socket, `terminate()`. These are libuv's calls
 * for that very purpose, and the names by which Node's own API for addons finds them.
 */
import { MessageChannel } from 'node:worker_threads';
import koffi from 'koffi';

/** libuv's two calls. */
interface Backend {
  readonly descriptor: number;
  patience(): number;
}

/** A loop that cannot be waited for: `poll` ignores the descriptor, and it wants a turn at once, always. */
const UNKNOWN: Backend = { descriptor: -1, patience: () => 0 };

/** Set to `turns`: as if it could not be waited for. For a look at what a Node would do that does not show libuv's calls. */
const SETTING = 'MEDIATED_EVENT_LOOP';

function findBackend(): Backend {
  if (process.env[SETTING] === 'turns') return UNKNOWN;
  const library = koffi.load(null);
  try {
    const currentIsolate = library.func('intptr_t _ZN2v87Isolate10GetCurrentEv()');
    const loopOf = library.func('intptr_t _ZN4node19GetCurrentEventLoopEPN2v87IsolateE(intptr_t isolate)');
    const descriptorOf = library.func('int uv_backend_fd(intptr_t loop)');
    const patienceOf = library.func('int uv_backend_timeout(intptr_t loop)');
    const loop = loopOf(currentIsolate());
    return { descriptor: descriptorOf(loop), patience: () => patienceOf(loop) };
  } catch {
    return UNKNOWN;
  }
}

/** Of the thread that makes it, and only for that. */
export class EventLoop {
  readonly #backend = findBackend();
  readonly #bell = new MessageChannel();
  #users = 0;

  constructor() {
    this.#bell.port1.on('message', () => {});
    this.#bell.port1.unref();
  }

  /** Readable when there is something to do besides timers. */
  get descriptor(): number {
    return this.#backend.descriptor;
  }

  /** Between these two the loop does not end. */
  enter(): void {
    if (this.#users++ === 0) this.#bell.port1.ref();
  }

  leave(): void {
    if (--this.#users === 0) this.#bell.port1.unref();
  }

  /** Milliseconds until its next timer, as of its last turn; 0: it is not to sleep at all; -1: there is none. */
  patience(): number {
    return this.#backend.patience();
  }

  /**
   * Gives it a turn: what waited for one has had it. An immediate that holds the loop would let it want no sleep as long as its
   * caller goes on; so this one does not, and the bell is what keeps the loop from sleeping before.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve).unref();
      this.#bell.port2.postMessage(0);
    });
  }
}

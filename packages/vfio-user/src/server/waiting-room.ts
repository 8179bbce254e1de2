/**
 * Where the thread of served devices waits for the next message of a machine that it is just serving; when it does not come
 * soon, the doorman waits for it. The thread sleeps in the kernel, for all machines that it is serving at that time and for
 * whatever else its event loop has to do: whoever comes first wakes it. To look again and again instead would keep the core
 * on which the machine would be woken. What a driver has left to microtasks and not awaited waits with it. One per thread.
 */
import { EventLoop } from '../native/event-loop.js';
import { PollSet, READABLE } from '../native/poll-set.js';

/**
 * Milliseconds of one wait, at most. Less than a tick of the kernel costs more than the message that it waits for: the
 * clock is set to it, and set back.
 */
const LONGEST = 5;

/** A machine that is being served: its socket, and counters that it signals. */
export interface Guest {
  readonly socket: number;
  readonly heard: readonly number[];
}

class WaitingRoom {
  readonly #loop = new EventLoop();
  readonly #set = new PollSet();
  #guests: readonly Guest[] = [];
  #places: readonly number[] = [];

  enter(guest: Guest): void {
    this.#loop.enter();
    this.#seat([...this.#guests, guest]);
  }

  leave(guest: Guest): void {
    this.#loop.leave();
    this.#seat(this.#guests.filter((one) => one !== guest));
  }

  /** Waits until there is something. True: a message of this machine, and nothing else; false: others are to have a turn. */
  wait({ socket }: Guest): boolean {
    const patience = this.#loop.patience();
    const ready = this.#set.wait(patience < 0 ? LONGEST : Math.min(patience, LONGEST));
    return ready === 1 && this.#set.isReady(this.#places.indexOf(socket));
  }

  /** Lets everything else of the thread have its turn. Only between `enter` and `leave`. */
  turn(): Promise<void> {
    return this.#loop.turn();
  }

  #seat(guests: readonly Guest[]): void {
    this.#guests = guests;
    this.#places = [this.#loop.descriptor, ...guests.flatMap(({ socket, heard }) => [socket, ...heard])];
    this.#set.set(this.#places.map((descriptor) => ({ descriptor, events: READABLE })));
  }
}

/** Of this thread. */
export const waitingRoom = new WaitingRoom();

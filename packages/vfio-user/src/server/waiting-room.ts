/**
 * Where the thread of served devices waits for the next message of a machine that it is just serving; when it does not come
 * soon, the doorman waits for it. The thread sleeps in the kernel, for all machines that it is serving at that time and for
 * whatever else its event loop has to do: whoever comes first wakes it. To look again and again instead would keep the core
 * on which the machine would be woken. What a driver has left to microtasks and not awaited waits with it. One per thread.
 */
import { isMediatedError } from '@mediated/core';
import { EpollSet } from '../native/epoll-set.js';
import { EventLoop } from '../native/event-loop.js';
import type { Ledger } from '../native/ledger.js';

/** Milliseconds between two turns in which nothing comes, at most. Not for the loop's sake, which says when it wants one. */
const LONGEST = 5;

/** A machine that is being served: its socket, and counters that it signals. */
export interface Guest {
  readonly socket: number;
  readonly heard: readonly number[];
  /** Where what the wait itself needs is noted, so that somebody can close it if the thread dies waiting. */
  readonly ledger: Ledger;
}

class WaitingRoom {
  readonly #loop = new EventLoop();
  #guests: readonly Guest[] = [];
  /** Undefined: nobody is there, or too many descriptors are open. */
  #set: EpollSet | undefined;

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
    return this.#set?.wait() === socket;
  }

  /** Lets everything else of the thread have its turn. Only between `enter` and `leave`. */
  async turn(): Promise<void> {
    await this.#loop.turn();
    const patience = this.#loop.patience();
    this.#set?.setLimit(patience < 0 ? LONGEST : Math.min(patience, LONGEST));
  }

  #seat(guests: readonly Guest[]): void {
    this.#guests = guests;
    this.#set?.close();
    this.#set = undefined;
    const [first] = guests;
    if (first === undefined) return;
    const descriptors = guests.flatMap(({ socket, heard }) => [socket, ...heard]);
    try {
      this.#set = new EpollSet([this.#loop.descriptor, ...descriptors], first.ledger);
    } catch (error) {
      // Without it nobody sleeps here: the machines are looked at in turns, until the doorman waits for them.
      if (!isMediatedError(error)) throw error;
    }
  }
}

/** Of this thread. */
export const waitingRoom = new WaitingRoom();

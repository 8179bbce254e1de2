/** Asks hosts. One request, one answer, or one of three ways in which there is none. */
import { isMediatedError, MediatedError } from '@mediated/core';
import { isUndelivered } from './connection.js';
import type { Verb } from './names.js';
import { decodeAnswer } from './requests.js';
import { type Check, encode } from './shape.js';
import type { Store } from './store.js';
import type { HostState, View } from './view.js';

/** Nobody got the request: it is certain that nothing was done. */
export class Undelivered extends Error {}

/** No answer came; it is open what was done. `lost`: the host is lost, or out. */
export class Unanswered extends Error {
  readonly lost: boolean;

  constructor(host: string, lost: boolean, cause?: unknown) {
    super(lost ? `${host} was lost before it answered` : `${host} did not answer in time`, { cause });
    this.lost = lost;
  }
}

/** An instance of a host. */
export interface Instance {
  readonly name: string;
  readonly epoch: string;
}

export class Asking {
  readonly #store: Store;
  readonly #view: View;
  /** Who waits for a host's answer, to be told when it is lost. By `name.epoch`. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
    view.on('state', ({ name }) => {
      for (const [key, waiters] of this.#waiting) {
        const [host, epoch] = key.split('.');
        if (host === name && isOver(view.stateOf(host, epoch))) for (const wake of [...waiters]) wake();
      }
    });
  }

  /**
   * Asks and waits for at most `timeout` milliseconds. Rejects with what the host answers (a MediatedError),
   * {@link Undelivered} or {@link Unanswered}.
   */
  async ask<T>(host: Instance, verb: Verb, request: object, check: Check<T>, timeout: number): Promise<T> {
    const { name, epoch } = host;
    // An epoch that is not seen yet, or not any more, has its own subject: nobody answers there, or the right one.
    const seen = this.#view.host(name);
    if (seen?.epoch === epoch && isOver(seen.state)) throw new Unanswered(name, true);
    let wake = () => {};
    const key = `${name}.${epoch}`;
    const over = new Promise<never>((_resolve, reject) => {
      wake = () => reject(new Unanswered(name, true));
    });
    // Not awaited when the answer comes first.
    over.catch(() => {});
    const waiters = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiters.add(wake));
    try {
      const subject = this.#store.names.command(name, epoch, verb);
      const asked = this.#store.connection.request(subject, encode(request), { timeout });
      asked.catch(() => {});
      const answer = await Promise.race([asked, over]);
      return decodeAnswer(answer.data, check, `an answer of ${name}`);
    } catch (error) {
      if (isMediatedError(error) || error instanceof Unanswered) throw error;
      if (isUndelivered(error)) throw new Undelivered(`${name} serves nothing`, { cause: error });
      throw new Unanswered(name, false, error);
    } finally {
      waiters.delete(wake);
      if (waiters.size === 0) this.#waiting.delete(key);
    }
  }
}

/** The error of an operation on a device whose host did not answer: EIO, as when the device's thread has died. */
export function eioOf(error: unknown, syscall: string, subject: string): unknown {
  if (!(error instanceof Undelivered || error instanceof Unanswered)) return error;
  return new MediatedError('EIO', `${syscall} ${subject}: ${error.message}`, { syscall, cause: error });
}

export function isOver(state: HostState): boolean {
  return state !== 'live' && state !== 'joining';
}

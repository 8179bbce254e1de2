/**
 * The socket of a served device: one machine after the other is let in, and as long as the device's own thread has others to
 * serve, this waits for what its attendant is to take. On the doorman's thread, which waits at many: nothing here blocks, what
 * the attendant is asked least of all, for its thread may hang.
 */
import { isMediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import { Ledger } from '../native/ledger.js';
import { READABLE, WRITABLE } from '../native/poll-set.js';
import type { UnixListener } from '../native/unix-socket.js';
import type { Watches } from '../native/watches.js';
import type { AcceptPause } from './accept-pause.js';
import { type AttendantMessages, OUTCOMES } from './attendant-protocol.js';
import type { DoorOptions } from './doorman-protocol.js';

export class Door {
  readonly #watches: Watches;
  readonly #attendant: ActorRef<AttendantMessages>;
  readonly #listener: UnixListener;
  readonly #stop: Int32Array<SharedArrayBuffer>;
  readonly #ledger: Ledger;
  readonly #waiting: Ledger;
  readonly #pause: AcceptPause;
  readonly #closing = new AbortController();

  constructor(
    watches: Watches,
    pause: AcceptPause,
    attendant: ActorRef<AttendantMessages>,
    listener: UnixListener,
    { stop, ledger, waiting }: DoorOptions,
  ) {
    this.#watches = watches;
    this.#pause = pause;
    this.#attendant = attendant;
    this.#listener = listener;
    this.#stop = stop;
    this.#ledger = new Ledger(ledger);
    this.#waiting = new Ledger(waiting);
  }

  /** Lets machines in until it is closed. When it resolves, the last has lost the device and the socket is gone. */
  async serve(): Promise<void> {
    const { descriptor } = this.#listener;
    try {
      while (!this.#isStopped) {
        await this.#watches.first([{ descriptor: descriptor.number, events: READABLE }], this.#closing.signal);
        const socket = this.#isStopped ? undefined : await this.#accept();
        if (socket === undefined) continue;
        await this.#receive(socket);
        this.#pause.end();
      }
    } finally {
      this.#listener.close();
    }
  }

  /** The word of {@link DoorOptions} is set. Does not wait for the device, if that is busy: {@link serve} does. */
  close(): void {
    this.#closing.abort();
  }

  get #isStopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  /** The next machine's connection; undefined: there is none, or no room for it, and time has passed. */
  async #accept(): Promise<number | undefined> {
    try {
      const socket = this.#listener.accept();
      if (socket !== undefined) this.#pause.reset();
      return socket;
    } catch (error) {
      await this.#pause.after(error, this.#closing.signal);
      return undefined;
    }
  }

  async #receive(socket: number): Promise<void> {
    // If the device's thread dies before it has taken it, it is closed with what that has left.
    const place = this.#ledger.note(socket);
    try {
      await this.#attendant.ask('attach', socket, place);
    } catch (error) {
      this.#ledger.settlePlace(place);
      this.#settle(error);
      return;
    }
    try {
      await this.#serveMachine(socket);
    } catch (error) {
      this.#settle(error);
    }
  }

  /** Serves a machine to its end. The descriptor is the attendant's. */
  async #serveMachine(socket: number): Promise<void> {
    let heard: readonly number[] = [];
    let outcome: number = OUTCOMES.idle;
    while (outcome !== OUTCOMES.ended && !this.#isStopped) {
      let ready: number | undefined;
      if (outcome === OUTCOMES.heard) heard = await this.#attendant.ask('heard');
      else ready = await this.#wait(socket, outcome === OUTCOMES.full ? WRITABLE : READABLE, heard);
      if (this.#isStopped) break;
      outcome = await this.#attendant.ask('serve', ready !== undefined && ready !== socket);
    }
    await this.#attendant.ask('detach');
  }

  #wait(socket: number, events: number, heard: readonly number[]): Promise<number | undefined> {
    const others = heard.map((descriptor) => ({ descriptor, events: READABLE }));
    return this.#watches.first([{ descriptor: socket, events }, ...others], this.#closing.signal);
  }

  /** The device's thread has died: what it has left open is closed, and its device is gone, or will be. */
  #settle(error: unknown): void {
    if (isMediatedError(error, 'EIO') || isMediatedError(error, 'ESRCH')) {
      this.#ledger.settle();
      this.#waiting.settle();
    } else if (!isMediatedError(error, 'ENODEV') && !isMediatedError(error, 'ESHUTDOWN')) {
      throw error;
    }
  }
}

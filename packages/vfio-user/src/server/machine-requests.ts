/**
 * What the device asks of its machine, by messages: the thread of the device waits for the answer, among whatever else the
 * machine sends meanwhile. Lives on the device's thread.
 */
import { errnoName } from '@mediated/core';
import { PollSet, READABLE, WRITABLE } from '../native/poll-set.js';
import type { UnixSocket } from '../native/unix-socket.js';
import type { Incoming, Received } from '../protocol/incoming.js';
import { FLAGS } from '../protocol/message.js';
import { refusal } from './refusal.js';
import type { Replies } from './replies.js';

/** Milliseconds that the device waits for its machine. */
const PATIENCE = 1000;

export class MachineRequests {
  readonly #socket: UnixSocket;
  readonly #incoming: Incoming;
  readonly #outgoing: Replies;
  readonly #set = new PollSet();
  #lastId = 0;
  /** Number of a request that the machine has not answered in time, and may yet. */
  #late: number | undefined;
  /** The machine waits for an answer, and answers nothing meanwhile. */
  isMachineWaiting = false;
  /** Nothing can be asked any more. */
  isMachineGone = false;

  constructor(socket: UnixSocket, incoming: Incoming, outgoing: Replies) {
    this.#socket = socket;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /**
   * Asks, and waits for the answer. EFAULT: the machine itself waits for an answer and takes no request meanwhile, it is
   * gone, or it has not answered in time, this time or the last; else what it answers.
   */
  ask(command: number, payload: Uint8Array): Uint8Array {
    if (this.isMachineWaiting) throw refusal('EFAULT', 'the machine waits for the device and cannot serve it');
    // It costs the thread its patience once, not as often as it is asked.
    if (this.#late !== undefined) throw refusal('EFAULT', 'the machine still owes an answer');
    this.#lastId = (this.#lastId + 1) & 0xffff;
    const id = this.#lastId;
    if (this.isMachineGone || !this.#outgoing.ask(id, command, payload)) {
      throw refusal('EFAULT', 'the machine takes nothing');
    }
    const reply = this.#wait(id);
    if (reply === undefined) throw refusal('EFAULT', 'the machine does not answer');
    if ((reply.flags & FLAGS.error) === 0) return reply.payload;
    throw refusal(errnoName(reply.errno), 'the machine refuses the access');
  }

  /** A reply came in its turn. True: it is a late one; nobody waits for it any more. */
  forgive({ id }: Received): boolean {
    if (this.#late !== id) return false;
    this.#late = undefined;
    return true;
  }

  #wait(id: number): ReturnType<Incoming['takeReply']> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const sent = this.#outgoing.flush();
      const reply = this.#incoming.takeReply(id);
      if (reply !== undefined) return reply;
      const left = deadline - performance.now();
      if (sent === 'gone' || left <= 0 || !this.#receive(sent === 'full', left)) break;
    }
    this.#late = id;
    return undefined;
  }

  /** Waits for something to arrive, or room to send; false: nothing more can arrive. */
  #receive(isFull: boolean, milliseconds: number): boolean {
    const events = isFull ? READABLE | WRITABLE : READABLE;
    this.#set.set([{ descriptor: this.#socket.descriptor.number, events }]);
    this.#set.wait(Math.ceil(milliseconds));
    const received = this.#incoming.fillBehind(this.#socket);
    if (received === 'gone') this.isMachineGone = true;
    return received === 'bytes' || received === 'nothing';
  }
}

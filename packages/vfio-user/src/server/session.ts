/**
 * One machine's connection: takes its messages, one after the other, and has each answered (posted ones never). The device is
 * opened with the first, `commands.ts` does the others. Lives on the thread of the device, where what is asked of it is
 * a call.
 */
import { Incoming, type Received } from '../protocol/incoming.js';
import type { UnixSocket } from '../native/unix-socket.js';
import { COMMANDS, FLAGS } from '../protocol/message.js';
import type { SendResult } from '../protocol/outgoing.js';
import { decodeVersion, encodeVersion } from '../protocol/version.js';
import { assertNoDescriptors, Commands, OFFERED, type Served } from './commands.js';
import { NO_COUNTERS } from './interrupts.js';
import { MachineRequests } from './machine-requests.js';
import { refusal } from './refusal.js';
import { Replies } from './replies.js';

/** Bytes of a message, at most: a transfer with what stands before it. */
const MOST_BYTES = OFFERED.max_data_xfer_size + 256;

/** So many messages are handled before others may have a turn: more may have arrived at once than is good for them. */
const MOST_AT_ONCE = 256;

/**
 * How serving has ended for now: there was nothing, or something; or more than was handled; the machine takes no more answers;
 * it is over, for the machine is gone, has said what is no message, or the device has died.
 */
export type ServeResult = 'idle' | 'busy' | 'more' | 'full' | 'ended';

export class Session {
  readonly #socket: UnixSocket;
  readonly #served: Served;
  readonly #incoming = new Incoming(MOST_BYTES);
  readonly #replies: Replies;
  readonly #requests: MachineRequests;
  #commands: Commands | undefined;
  #ended = false;
  /** Messages that may be handled before others have a turn; negative: more have arrived than that. */
  #budget = MOST_AT_ONCE;

  constructor(socket: UnixSocket, served: Served) {
    this.#socket = socket;
    this.#served = served;
    this.#replies = new Replies(socket, MOST_BYTES);
    this.#requests = new MachineRequests(socket, this.#incoming, this.#replies);
  }

  /** Number of its socket. */
  get socket(): number {
    return this.#socket.descriptor.number;
  }

  /** Counters of the machine that are to be waited for, the same array as long as they are the same; then {@link hear}. */
  get heard(): readonly number[] {
    return this.#commands?.interrupts.heard ?? NO_COUNTERS;
  }

  hear(): void {
    this.#commands?.interrupts.hear();
  }

  /** Takes what the machine has sent, and answers. One call at a time. A promise only where the device gives one. */
  serve(): ServeResult | Promise<ServeResult> {
    if (this.#replies.areWaiting && this.#flush() !== 'sent') return this.#ended ? 'ended' : 'full';
    const received = this.#budget < 0 ? 'bytes' : this.#incoming.fill(this.#socket);
    this.#budget = MOST_AT_ONCE;
    if (received === 'gone') this.#ended = true;
    const rest = this.#drain();
    return rest === undefined ? this.#finish(received) : rest.then(() => this.#finish(received));
  }

  /** The device is closed, and everything that the machine has given with it. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#requests.isMachineGone = true;
    const commands = this.#commands;
    this.#commands = undefined;
    try {
      await commands?.close();
    } finally {
      this.#incoming.close();
      this.#socket.close();
    }
  }

  /** Handles what has arrived, up to the first message that is not done at once; the promise is for that and the rest. */
  #drain(): Promise<void> | undefined {
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      const performing = this.#start(message);
      if (performing !== undefined) return this.#drainLater(message, performing);
      this.#settle(message);
    }
    return undefined;
  }

  async #drainLater(first: Received, started: Promise<void>): Promise<void> {
    let performing: Promise<void> | undefined = started;
    for (let message: Received | undefined = first; message !== undefined; message = this.#next()) {
      performing ??= this.#start(message);
      try {
        await performing;
      } catch (error) {
        this.#replies.refuse(message, error);
      }
      performing = undefined;
      this.#settle(message);
    }
  }

  #finish(received: 'bytes' | 'nothing' | 'gone'): ServeResult {
    const sent = this.#flush();
    if (this.#ended) return 'ended';
    if (sent !== 'sent') return 'full';
    if (this.#budget < 0) return 'more';
    return received === 'bytes' ? 'busy' : 'idle';
  }

  /**
   * The next message; undefined: there is none yet, or enough were handled for now, or its answer might have no room (what the
   * machine does not take keeps it from asking more), or there is none ever, since where it begins is not known.
   */
  #next(): Received | undefined {
    if (this.#ended || (this.#replies.areMany && this.#flush() !== 'sent')) return undefined;
    if (--this.#budget < 0) return undefined;
    try {
      return this.#incoming.take();
    } catch (error) {
      this.#replies.refuse({ ...this.#incoming.refused, flags: 0 }, error);
      this.#ended = true;
      return undefined;
    }
  }

  /** A promise: it is not done yet. */
  #start(message: Received): Promise<void> | undefined {
    this.#requests.isMachineWaiting = (message.flags & FLAGS.noReply) === 0;
    try {
      return this.#perform(message) ?? undefined;
    } catch (error) {
      this.#replies.refuse(message, error);
      return undefined;
    }
  }

  #perform(message: Received): void | Promise<void> {
    const kind = message.flags & FLAGS.kind;
    if (kind === FLAGS.reply) {
      if (this.#requests.forgive(message)) return;
      throw refusal('EINVAL', 'a reply to nothing');
    }
    if (kind !== 0) throw refusal('EINVAL', `flags 0x${message.flags.toString(16)}`);
    return this.#commands === undefined ? this.#begin(message) : this.#commands.perform(message);
  }

  /** A message is done with: what has come with it and is not in use is closed. */
  #settle({ descriptors }: Received): void {
    this.#requests.isMachineWaiting = false;
    if (this.#requests.isMachineGone) this.#ended = true;
    for (const descriptor of descriptors) if (this.#commands?.holds(descriptor) !== true) descriptor.close();
  }

  /** The first message says what the machine can do; the device is opened with it. */
  async #begin(message: Received): Promise<void> {
    if (message.command !== COMMANDS.version) throw refusal('EINVAL', 'VERSION is the first message');
    assertNoDescriptors(message);
    const capabilities = decodeVersion(message.payload);
    const ask = (command: number, payload: Uint8Array) => this.#requests.ask(command, payload);
    try {
      this.#commands = await Commands.open(this.#served, capabilities, this.#replies, ask);
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    this.#replies.put(message, encodeVersion(OFFERED));
  }

  #flush(): SendResult {
    const result = this.#replies.flush();
    if (result === 'gone') this.#ended = true;
    return result;
  }
}

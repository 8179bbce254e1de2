/**
 * The first 64 bytes of an object's region, through which a program sends commands to the MC (spec/vendors/platform-fsl
 * B5). On the object's thread; writes through one region take turns, so that two commands do not mix.
 */
import { isThenable, MediatedError } from '@mediated/core';
import type { Clock } from '../clock.js';
import { Turns } from '../control/turns.js';
import type { MmioRegion } from '../platform/mmio-region.js';
import { MC_COMMAND_BYTES, MC_COMMAND_WORDS, MC_STATUS, mcStatus, withMcStatus } from './command.js';
import type { McModel } from './model.js';

/** Milliseconds between two looks at the status, and after which nobody waits any longer. */
const POLL_INTERVAL = 0.5;
const LIMIT = 5000;

export class CommandPortal {
  readonly #region: MmioRegion;
  readonly #model: McModel;
  readonly #clock: Clock;
  readonly #turns = new Turns();
  /** How many commands have begun: an answer that comes after the next command is nobody's. */
  #commands = 0;

  constructor(region: MmioRegion, model: McModel, clock: Clock) {
    this.#region = region;
    this.#model = model;
    this.#clock = clock;
  }

  /** Fills `into` with the eight words, the header last. ENOMEM. EINVAL: not 64 bytes at 0. */
  read(offset: number, into: Uint8Array): number {
    const words = this.#words(offset, into.length, 'read');
    const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
    for (let word = MC_COMMAND_WORDS - 1; word >= 0; word--) {
      view.setBigUint64(word * 8, Atomics.load(words, word), true);
    }
    return MC_COMMAND_BYTES;
  }

  /** Sends a command and waits while the MC says READY. ENOMEM. EINVAL: not 64 bytes at 0. ETIMEDOUT: after 5 s. */
  write(offset: number, bytes: Uint8Array): number | Promise<number> {
    const words = this.#words(offset, bytes.length, 'write');
    return this.#turns.take(() => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let word = MC_COMMAND_WORDS - 1; word >= 0; word--) {
        Atomics.store(words, word, view.getBigUint64(word * 8, true));
      }
      const answered = this.#execute(words);
      if (mcStatus(Atomics.load(words, 0)) !== MC_STATUS.ready) return MC_COMMAND_BYTES;
      return this.#wait(words, answered);
    });
  }

  /** The MC takes the command; a promise while it has not answered. */
  #execute(words: BigUint64Array<SharedArrayBuffer>): Promise<void> | undefined {
    const command = ++this.#commands;
    const asked = BigUint64Array.from(words);
    if (this.#model.command === undefined) {
      Atomics.store(words, 0, withMcStatus(asked[0], MC_STATUS.unsupported));
      return undefined;
    }
    const answer = (response: BigUint64Array | undefined): void => {
      if (response === undefined || command !== this.#commands) return;
      for (let word = MC_COMMAND_WORDS - 1; word >= 0; word--) Atomics.store(words, word, response[word] ?? 0n);
    };
    const response = this.#model.command(this.#region.index, asked);
    if (isThenable(response)) return Promise.resolve(response).then(answer);
    answer(response);
    return undefined;
  }

  #wait(words: BigUint64Array<SharedArrayBuffer>, answered: Promise<void> | undefined): Promise<number> {
    const { index } = this.#region;
    return new Promise((resolve, reject) => {
      let stopPolling = () => {};
      const stopWaiting = this.#clock.after(LIMIT, () => {
        stopPolling();
        // An answer that comes now is nobody's.
        this.#commands++;
        reject(new MediatedError('ETIMEDOUT', `no answer in region ${index} within ${LIMIT} ms`, { syscall: 'write' }));
      });
      const end = (settle: () => void): void => {
        stopPolling();
        stopWaiting();
        settle();
      };
      const look = (): void => {
        if (mcStatus(Atomics.load(words, 0)) !== MC_STATUS.ready) end(() => resolve(MC_COMMAND_BYTES));
        else stopPolling = this.#clock.after(POLL_INTERVAL, look);
      };
      look();
      answered?.then(
        () => {
          stopPolling();
          look();
        },
        (error: unknown) => end(() => reject(error)),
      );
    });
  }

  #words(offset: number, length: number, syscall: string): BigUint64Array<SharedArrayBuffer> {
    const { index, size, memory } = this.#region;
    if (offset === 0 && length === MC_COMMAND_BYTES && size >= MC_COMMAND_BYTES) {
      return new BigUint64Array(memory, 0, MC_COMMAND_WORDS);
    }
    const text = `region ${index} is accessed in commands of ${MC_COMMAND_BYTES} bytes at 0, not ${length} at ${offset}`;
    throw new MediatedError('EINVAL', text, { syscall });
  }
}

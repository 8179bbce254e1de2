/**
 * The data area of one command on its way through the channel: the areas of its CCWs, one behind the other, each
 * contiguous or given by a list of 64-bit words. Made by `channel.ts` per command.
 */
import { CCW, CCW_FLAGS, SUBCHANNEL_STATUS } from '../architected.js';
import type { HostStorage } from '../storage.js';
import type { CommandData } from './io-device.js';

/** A CCW as the channel fetched it. */
export interface FetchedCcw {
  readonly address: number;
  readonly command: number;
  readonly flags: number;
  readonly count: number;
  readonly data: number;
}

/** A check that ends the program: what is wrong, as subchannel status. */
export class ChannelCheck extends Error {
  readonly status: number;

  constructor(status: number) {
    super('channel check');
    this.status = status;
  }
}

/** Fetches a CCW. ChannelCheck: there is none. */
export function fetchCcw(storage: HostStorage, address: number): FetchedCcw {
  const bytes = address % CCW.size === 0 ? storage.at(address, CCW.size) : undefined;
  if (bytes?.length !== CCW.size) throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
  const [command, flags] = bytes;
  return { address, command, flags, count: CCW.get(bytes, 'count'), data: CCW.get(bytes, 'address') };
}

/** A piece of the area; `bytes` is undefined where the guest asked to skip. */
interface Piece {
  readonly length: number;
  readonly bytes: Uint8Array | undefined;
}

export class DataPath implements CommandData {
  readonly capacity: number;
  /** Bytes that have moved, or were skipped. */
  moved = 0;
  /** The device had more than there was room for. */
  overran = false;
  readonly #pieces: Iterator<Piece>;
  #piece: Piece = { length: 0, bytes: undefined };

  /** `ccws`: those of one command, more than one with data chaining. `block`: bytes per word of a list. */
  constructor(storage: HostStorage, ccws: readonly FetchedCcw[], block: number) {
    this.capacity = ccws.reduce((sum, { count }) => sum + count, 0);
    this.#pieces = pieces(storage, ccws, block);
  }

  take(bytes: number): Uint8Array {
    const taken = new Uint8Array(Math.min(bytes, this.capacity - this.moved));
    this.#move(taken, (own, guest) => own.set(guest));
    return taken;
  }

  give(bytes: Uint8Array): void {
    const given = bytes.subarray(0, this.capacity - this.moved);
    this.overran ||= given.length < bytes.length;
    this.#move(given, (own, guest) => guest.set(own));
  }

  #move(own: Uint8Array, copy: (own: Uint8Array, guest: Uint8Array) => void): void {
    for (let at = 0; at < own.length; ) {
      if (this.#piece.length === 0) this.#piece = this.#next();
      const { length, bytes } = this.#piece;
      const step = Math.min(length, own.length - at);
      if (bytes !== undefined) copy(own.subarray(at, at + step), bytes.subarray(0, step));
      this.#piece = { length: length - step, bytes: bytes?.subarray(step) };
      this.moved += step;
      at += step;
    }
  }

  /** Never called more often than there are pieces: `take` and `give` stay within the capacity. */
  #next(): Piece {
    return this.#pieces.next().value as Piece;
  }
}

function* pieces(storage: HostStorage, ccws: readonly FetchedCcw[], block: number): Generator<Piece> {
  for (const { flags, count, data } of ccws) {
    const skip = (flags & CCW_FLAGS.skip) !== 0;
    for (let done = 0, word = 0; done < count; word++) {
      const address = (flags & CCW_FLAGS.indirect) === 0 ? data + done : wordAt(storage, data + word * 8);
      if (word > 0 && address % block !== 0 && (flags & CCW_FLAGS.indirect) !== 0) {
        throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
      }
      const length = Math.min(count - done, block - (address % block));
      yield { length, bytes: skip ? undefined : area(storage, address, length) };
      done += length;
    }
  }
}

function wordAt(storage: HostStorage, address: number): number {
  const bytes = storage.at(address, 8);
  if (bytes?.length !== 8) throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
}

function area(storage: HostStorage, address: number, length: number): Uint8Array {
  const bytes = storage.at(address, length);
  if (bytes?.length !== length) throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
  return bytes;
}

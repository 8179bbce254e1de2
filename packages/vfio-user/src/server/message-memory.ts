/**
 * Guest memory that a machine has mapped without a file: the device reads and writes it by DMA_READ and DMA_WRITE. Lives on
 * the device's thread, which waits for the answers: `device.dma` is a plain call.
 */
import type { RemoteMemory } from '@mediated/vfio';
import { COMMANDS } from '../protocol/message.js';
import { dmaAccess } from '../protocol/payloads.js';
import type { DmaMaps } from './dma-maps.js';
import { refusal } from './refusal.js';

/** Asks the machine; the payload of its answer. EFAULT: it cannot answer now, or has not. */
export type MachineAsker = (command: number, payload: Uint8Array) => Uint8Array;

export class MessageMemory implements RemoteMemory {
  readonly #maps: DmaMaps;
  readonly #ask: MachineAsker;
  readonly #mostBytes: number;

  constructor(maps: DmaMaps, ask: MachineAsker, mostBytes: number) {
    this.#maps = maps;
    this.#ask = ask;
    this.#mostBytes = mostBytes;
  }

  holds(iova: bigint | number, length: number, write: boolean): boolean {
    return length > 0 && this.#maps.isWithoutFile(BigInt(iova), BigInt(length), write);
  }

  read(iova: bigint | number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const count = Math.min(into.length - done, this.#mostBytes);
      const request = dmaAccess.bytes({ address: BigInt(iova) + BigInt(done), count: BigInt(count) });
      const answer = this.#ask(COMMANDS.dmaRead, request);
      if (answer.length !== dmaAccess.size + count)
        throw refusal('EFAULT', `the machine answers ${answer.length} bytes`);
      into.set(answer.subarray(dmaAccess.size), done);
      done += count;
    }
  }

  write(iova: bigint | number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(bytes.length - done, this.#mostBytes);
      const head = { address: BigInt(iova) + BigInt(done), count: BigInt(count) };
      const request = dmaAccess.bytes(head, dmaAccess.size + count);
      request.set(bytes.subarray(done, done + count), dmaAccess.size);
      this.#ask(COMMANDS.dmaWrite, request);
      done += count;
    }
  }
}

/**
 * Memory that the client has mapped for the device: how it is announced, and, of what is the client's own, the device's accesses,
 * which come as messages. Private to a client.
 */
import { MediatedError } from '@mediated/core';
import { COMMANDS, type Message } from '../protocol/message.js';
import { DMA_MAP_FLAGS, dmaAccess, dmaMapRequest } from '../protocol/payloads.js';
import { GuestMemory } from './guest-memory.js';

/** Guest memory to be mapped for the device. */
export interface GuestMapping {
  readonly address: bigint;
  /** Shared with the device; or the client's own, which the device reaches by messages. */
  readonly memory: GuestMemory | Uint8Array;
  /** First byte of the memory, default 0. */
  readonly offset?: number;
  /** Default: all that follow. */
  readonly size?: number;
  readonly read?: boolean;
  readonly write?: boolean;
}

/** DMA_MAP of a piece of memory. */
export interface MapRequest {
  readonly payload: Uint8Array;
  readonly descriptors: readonly number[];
  /** To be noted when the server has agreed; undefined: the device does without. */
  readonly own: OwnMemory | undefined;
}

/** Memory of the client that the device cannot map. */
export interface OwnMemory {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

export function mapRequest(mapping: GuestMapping): MapRequest {
  const { address, memory, offset = 0, read = true, write = true } = mapping;
  const bytes = memory instanceof GuestMemory ? memory.bytes : memory;
  const { size = bytes.length - offset } = mapping;
  const flags = (read ? DMA_MAP_FLAGS.read : 0) | (write ? DMA_MAP_FLAGS.write : 0);
  const shared = memory instanceof GuestMemory ? memory : undefined;
  const first = BigInt(shared === undefined ? 0 : offset);
  const payload = dmaMapRequest.bytes({
    argsz: dmaMapRequest.size,
    flags,
    offset: first,
    address,
    size: BigInt(size),
  });
  if (shared !== undefined) return { payload, descriptors: [shared.file.number], own: undefined };
  return { payload, descriptors: [], own: { address, bytes: bytes.subarray(offset, offset + size) } };
}

/** What of the client's own memory is mapped. */
export class OwnMemories {
  #memories: OwnMemory[] = [];

  add(own: OwnMemory): void {
    this.#memories.push(own);
  }

  /** What begins there is unmapped; undefined: everything. */
  remove(address: bigint | undefined): void {
    this.#memories = address === undefined ? [] : this.#memories.filter((own) => own.address !== address);
  }

  /** DMA_READ and DMA_WRITE: the answer. EFAULT: it is not mapped; ENOSYS: it is another command. */
  serve({ command, payload }: Message): Uint8Array {
    if (command !== COMMANDS.dmaRead && command !== COMMANDS.dmaWrite) throw refused('ENOSYS', `command ${command}`);
    const { address, count } = dmaAccess.decode(payload);
    const own = this.#memories.find(({ address: at, bytes }) => {
      return address >= at && address + count <= at + BigInt(bytes.length);
    });
    if (own === undefined) throw refused('EFAULT', `${count} bytes at 0x${address.toString(16)} are not mapped`);
    const bytes = own.bytes.subarray(Number(address - own.address), Number(address - own.address + count));
    if (command === COMMANDS.dmaWrite) {
      bytes.set(payload.subarray(dmaAccess.size, dmaAccess.size + bytes.length));
      return payload.slice(0, dmaAccess.size);
    }
    const answer = dmaAccess.bytes({ address, count }, dmaAccess.size + bytes.length);
    answer.set(bytes, dmaAccess.size);
    return answer;
  }
}

function refused(code: MediatedError['code'], message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'vfio-user' });
}

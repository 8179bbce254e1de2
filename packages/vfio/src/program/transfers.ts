/**
 * What a program reads, writes and maps through its descriptors: by a position, or where the last transfer of the file has
 * ended; into bytes or into its memory. Private to the program's thread; used by `descriptors.ts`.
 */
import { MediatedError } from '@mediated/core';
import { NO_POSITION } from '../anonymous-file.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import type { AddressMap } from './address-map.js';
import type { Described, DescriptorTable } from './descriptor-table.js';
import { type Operation, put } from './operation.js';

const NOTHING = new Uint8Array(0);
const EVENTFD_BYTES = 8;

export class Transfers {
  readonly #table: DescriptorTable;
  readonly #memory: AddressMap;

  constructor(table: DescriptorTable, memory: AddressMap) {
    this.#table = table;
    this.#memory = memory;
  }

  *pread(descriptor: number, length: number, position: number): Operation<Uint8Array> {
    const described = this.#table.get(descriptor, 'pread');
    if (described.kind === 'eventfd') throw refused('ESPIPE', 'pread', 'an eventfd has no positions');
    if (described.kind === 'other') return NOTHING;
    if (described.kind !== 'device' && described.kind !== 'anonymous') throw unreadable(described, 'pread');
    const { file } = described;
    return yield* put({ ask: () => file.read(position, length), askSync: () => file.readSync(position, length) });
  }

  *pwrite(descriptor: number, bytes: Uint8Array, position: number): Operation<number> {
    const described = this.#table.get(descriptor, 'pwrite');
    if (described.kind === 'eventfd') throw refused('ESPIPE', 'pread', 'an eventfd has no positions');
    if (described.kind === 'other') return bytes.length;
    if (described.kind !== 'device' && described.kind !== 'anonymous') throw unreadable(described, 'pwrite');
    const { file } = described;
    return yield* put({ ask: () => file.write(position, bytes), askSync: () => file.writeSync(position, bytes) });
  }

  *preadInto(descriptor: number, address: bigint, length: number, position: number): Operation<number> {
    const memory = this.#memory.prefix(address, length);
    const read = memory.length === 0 ? NOTHING : yield* this.pread(descriptor, memory.length, position);
    memory.set(read);
    return allThere(memory, read.length, length);
  }

  *pwriteFrom(descriptor: number, address: bigint, length: number, position: number): Operation<number> {
    const memory = this.#memory.prefix(address, length);
    const written = memory.length === 0 ? 0 : yield* this.pwrite(descriptor, memory, position);
    return allThere(memory, written, length);
  }

  /** Where a read or write goes that says no position. */
  #position(descriptor: number, { kind }: Described): number {
    return kind === 'anonymous' ? NO_POSITION : this.#table.position(descriptor);
  }

  *read(descriptor: number, length: number): Operation<Uint8Array> {
    const described = this.#table.get(descriptor, 'read');
    if (described.kind !== 'eventfd') {
      const read = yield* this.pread(descriptor, length, this.#position(descriptor, described));
      this.#table.advance(descriptor, read.length);
      return read;
    }
    if (length < EVENTFD_BYTES) throw refused('EINVAL', 'read', 'an eventfd gives 8 bytes');
    const signals = described.file.take();
    if (signals === 0) throw refused('EAGAIN', 'read', 'nothing was signalled');
    const bytes = new Uint8Array(EVENTFD_BYTES);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(signals), true);
    return bytes;
  }

  *write(descriptor: number, bytes: Uint8Array): Operation<number> {
    const described = this.#table.get(descriptor, 'write');
    if (described.kind !== 'eventfd') {
      const written = yield* this.pwrite(descriptor, bytes, this.#position(descriptor, described));
      this.#table.advance(descriptor, written);
      return written;
    }
    if (bytes.length < EVENTFD_BYTES) throw refused('EINVAL', 'write', 'an eventfd takes 8 bytes');
    const signals = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    for (let i = 0n; i < signals; i++) described.file.signal();
    return EVENTFD_BYTES;
  }

  *mmap(descriptor: number, length: number, offset: number, access: MapAccess | undefined): Operation<MappedMemory> {
    const described = this.#table.get(descriptor, 'mmap');
    if (described.kind !== 'device' && described.kind !== 'anonymous') {
      throw refused('ENODEV', 'mmap', `a file of kind ${described.kind} has no memory`);
    }
    const { file } = described;
    return yield* put({
      ask: () => file.mmap(offset, length, access),
      askSync: () => file.mmapSync(offset, length, access),
    });
  }

  *size(descriptor: number): Operation<number> {
    const described = this.#table.get(descriptor, 'lseek');
    if (described.kind === 'other') return 0;
    if (described.kind !== 'anonymous') throw refused('ESPIPE', 'lseek', `a file of kind ${described.kind} has no end`);
    const { file } = described;
    return yield* put({ ask: () => file.size(), askSync: () => file.sizeSync() });
  }
}

/** The result of a transfer that wanted `length` bytes of memory. EFAULT: it has come to the end of what there is. */
function allThere(memory: Uint8Array, done: number, length: number): number {
  if (done < memory.length || memory.length === length) return done;
  throw new MediatedError('EFAULT', `${length} bytes of memory are not there`, { syscall: 'pread' });
}

function unreadable({ kind }: Described, syscall: string): MediatedError {
  return new MediatedError('EINVAL', `a file of kind ${kind} is not read or written`, { syscall });
}

function refused(code: MediatedError['code'], syscall: string, text: string): MediatedError {
  return new MediatedError(code, text, { syscall });
}

/**
 * A BAR mapped by a program (spec/pci section 5.2). `file.mmap` gives the memory itself, which JavaScript cannot take back:
 * whoever uses it bare reads and writes while memory is off and in the middle of a reset. A `RegionMapping` is the
 * memory with the device's memory lock before it: every access through it asks first, as a processor does that finds no
 * page. Any thread that is a client of the bus.
 */
import { type Bus, MediatedError } from '@mediated/core';
import type { DeviceFile } from '../device-file.js';
import type { MappedMemory } from '../mapped-memory.js';
import { DEVICE_GET_REGION_INFO, REGION_FLAGS, REGION_INFO_BYTES, regionInfo } from '../uapi/region.js';
import { defineStruct } from '../uapi/struct.js';
import { GUARD_TABLE_BYTES, GuardTable } from './guard-table.js';
import type { MemoryGuard } from './memory-guard.js';

/** A command of our own, far from those of vfio: which record guards the memory of a device. */
export const GET_MEMORY_GUARD = 0x4d67;
export const memoryGuard = defineStruct([
  ['record', 'u32'],
  ['generation', 's32'],
]);
/** Where the table of guards is mapped: a region that no device has. */
export const GUARD_TABLE_OFFSET = 0x1000 * 2 ** 40;

/**
 * A mapped region. Accesses wait while a reset has the device, and fail with EFAULT where a program would get SIGBUS:
 * memory is off, the device sleeps or is gone. They work again, without mapping anew, when memory is on again.
 */
export class RegionMapping {
  /** The memory itself. What is done with it directly heeds neither memory enable nor resets. */
  readonly memory: MappedMemory;
  readonly length: number;
  readonly #guard: MemoryGuard;

  constructor(memory: MappedMemory, guard: MemoryGuard) {
    this.memory = memory;
    this.length = memory.length;
    this.#guard = guard;
  }

  /** Bytes from `offset`, copied. EFAULT; EINVAL beyond the end. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.#guard.reading(() => this.#read(offset, length));
  }

  /** {@link read}, blocking; EDEADLK on a thread that must not block, if it would have to wait. */
  readSync(offset: number, length: number): Uint8Array {
    return this.#blocking(() => this.#read(offset, length));
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#guard.reading(() => this.#write(offset, bytes));
  }

  /** {@link write}, blocking. */
  writeSync(offset: number, bytes: Uint8Array): void {
    this.#blocking(() => this.#write(offset, bytes));
  }

  #blocking<T>(body: () => T): T {
    const { lock } = this.#guard;
    if (!lock.tryRead()) {
      using _ = lock.readSync();
      return body();
    }
    try {
      return body();
    } finally {
      lock.unlockRead();
    }
  }

  #read(offset: number, length: number): Uint8Array {
    this.#assertReachable(offset, length);
    return this.memory.slice(offset, offset + length);
  }

  #write(offset: number, bytes: Uint8Array): void {
    this.#assertReachable(offset, bytes.length);
    this.memory.set(bytes, offset);
  }

  #assertReachable(offset: number, length: number): void {
    if (!(Number.isInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.length)) {
      throw new MediatedError('EINVAL', `bytes ${offset} to ${offset + length} of a mapping of ${this.length}`);
    }
    if (this.#guard.enabled) return;
    const reason = this.#guard.current ? 'the memory of the device is off' : 'the device is gone';
    throw new MediatedError('EFAULT', `SIGBUS: ${reason}`, { syscall: 'mmap' });
  }
}

/** Maps a whole BAR. EINVAL: the region cannot be mapped. What the device's file answers. */
export async function mapRegion(bus: Bus, file: DeviceFile, index: number): Promise<RegionMapping> {
  const info = regionInfo.bytes({ argsz: REGION_INFO_BYTES, index });
  await file.ioctl(DEVICE_GET_REGION_INFO, info);
  const { flags, size, offset } = regionInfo.decode(info);
  if ((flags & REGION_FLAGS.mmap) === 0) {
    throw new MediatedError('EINVAL', `region ${index} cannot be mapped`, { syscall: 'mmap' });
  }
  const memory = await file.mmap(Number(offset), Number(size));
  const answer = memoryGuard.bytes({});
  await file.ioctl(GET_MEMORY_GUARD, answer);
  const { record, generation } = memoryGuard.decode(answer);
  const { buffer } = await file.mmap(GUARD_TABLE_OFFSET, GUARD_TABLE_BYTES);
  const guard = new GuardTable(new Int32Array(buffer), bus.memory).open(record);
  if (guard.generation !== generation) throw new MediatedError('ENODEV', 'the device is gone', { syscall: 'mmap' });
  return new RegionMapping(memory, guard);
}

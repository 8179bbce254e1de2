/**
 * The driver behind the figures of reading: a device is sixteen registers of 4 bytes and a region of 16 MiB that can
 * be mapped. Started by the runtime on its thread; the peers' workers call `readRegisters` without a runtime (`plain-registers.ts`).
 */
import { defineDriver } from '@mediated/vfio';

/** The directory name of the driver's only type. */
export const REGISTER_TYPE = 'registers-1';
/** Bytes of the region that is mapped. */
export const REGION_BYTES = 2 ** 24;

const REGISTER_BYTES = 64;

/** Fresh registers: register n has the value n. */
export function freshRegisters(): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: REGISTER_BYTES / 4 }, (_, i) => i).buffer);
}

/** What a read of the device's file does. */
export function readRegisters(registers: Uint8Array, position: number, into: Uint8Array): number {
  const length = Math.min(into.length, registers.length - position);
  for (let i = 0; i < length; i++) into[i] = registers[position + i];
  return length;
}

export default defineDriver({
  name: 'registers',
  deviceApi: 'vfio-platform',
  types: [{ sysfsName: '1' }],
  maxInstances: 16,
  start: () => ({
    init: (_device) => ({ registers: freshRegisters(), region: new SharedArrayBuffer(REGION_BYTES) }),
    read: ({ data }, position, into) => readRegisters(data.registers, position, into),
    mmap: ({ data }, offset, length) => new Uint8Array(data.region, offset, length),
  }),
});

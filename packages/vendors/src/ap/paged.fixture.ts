/**
 * vfio_ap for tests, with a guest memory of 16 pages whose pins are counted in shared words (option `pins`), and with a
 * command that takes a page away from a device as an unmap does.
 */
import { type DriverHost, MediatedError } from '@mediated/core';
import { ap, type ApOptions } from '@mediated/vendors/ap';
import { defineDriver } from '@mediated/vfio';
import { ApMemory } from '#dist/ap/ap-memory.js';
import { MatrixRecord } from '#dist/ap/matrix-record.js';
import { apOperations } from '#dist/ap/operations.js';

export const PAGES = 16;
/** Takes the page of the address in the argument (8 bytes) away. */
export const UNMAP_PAGE = 1;
/** The device's thread dies. */
export const DIE = 2;
/** The device's thread dies in the middle of an operation on the AP bus, which it leaves in disorder. */
export const DIE_INSIDE = 3;

export interface PagedOptions extends ApOptions {
  readonly pins: SharedArrayBuffer;
  /** The virtual machine that opens any device; 0: none. */
  readonly kvm: SharedArrayBuffer;
}

export default defineDriver({
  ...ap,
  start({ bus, options }: DriverHost) {
    const { apBus, pins, kvm } = options as PagedOptions;
    const counts = new Int32Array(pins);
    const add = (iova: bigint, difference: number): Uint8Array[] => {
      const page = Number(iova / 4096n);
      if (page >= PAGES) throw new MediatedError('EINVAL', `nothing is mapped at ${iova}`);
      if (Atomics.add(counts, page, difference) + difference < 0) throw new Error(`page ${page} is not pinned`);
      return [new Uint8Array(4096)];
    };
    const operations = apOperations(new ApMemory(apBus, bus), () => ({
      pin: (iova) => add(iova, 1),
      unpin: (iova) => void add(iova, -1),
    }));
    return {
      ...operations,
      openDevice(device) {
        device.kvm = Atomics.load(new Int32Array(kvm), 0);
        return operations.openDevice?.(device);
      },
      async ioctl(device, command, argument, call) {
        switch (command) {
          case UNMAP_PAGE: {
            const page = new DataView(argument.buffer, argument.byteOffset).getBigUint64(0, true);
            return operations.dmaUnmap?.(device, page, 4096n);
          }
          case DIE:
            return process.exit(0);
          case DIE_INSIDE:
            return device.data.alone((memory) => {
              for (const record of MatrixRecord.all(memory)) {
                for (const queue of record.linked()) queue.link = -1;
                record.shadow[0].fill(-1);
              }
              process.exit(0);
            });
          default:
            return operations.ioctl?.(device, command, argument, call);
        }
      },
    };
  },
});

/** GVT-g with as much emulation as maps the guest's pages that stand in its page table. */
import { gvt, type Vgpu } from '@mediated/vendors/gvt';
import { defineDriver } from '@mediated/vfio';

export default defineDriver(
  gvt({
    registerHooks(vgpu: Vgpu) {
      const mapped = new Map<number, bigint>();
      return {
        writeTableEntry(page, entry) {
          const old = mapped.get(page);
          if (old !== undefined) vgpu.dma.unmap(old);
          mapped.delete(page);
          if ((entry & 1n) !== 0n) mapped.set(page, vgpu.dma.map(Number(entry >> 12n)));
        },
        /** Word 0x5000: the first byte of the page that was mapped first. */
        readRegister(offset, into, image) {
          const [first] = mapped.values();
          const memory = first === undefined ? undefined : vgpu.dma.memory(first);
          if (offset === 0x5000) image[offset] = memory?.[0] ?? 0;
          into.set(image.subarray(offset, offset + into.length));
          return true;
        },
      };
    },
  }),
);

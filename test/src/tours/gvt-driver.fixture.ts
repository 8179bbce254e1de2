import { gvt } from '@mediated/vendors/gvt';
import { defineDriver } from '@mediated/vfio';

/** A GPU with one register, 0x2000: writing it copies the first guest page of the page table into the aperture. */
export default defineDriver(
  gvt({
    registerHooks(vgpu) {
      const first = vgpu.share.low.start / 4096;
      let address: bigint | undefined;
      return {
        writeTableEntry(page, entry) {
          if (page !== first) return;
          if (address !== undefined) vgpu.dma.unmap(address);
          address = entry & 1n ? vgpu.dma.map(Number(entry >> 12n)) : undefined;
        },
        writeRegister(offset, bytes, image) {
          image.set(bytes, offset);
          const aperture = vgpu.memory(vgpu.share.low.start, 4096);
          const page = address === undefined ? undefined : vgpu.dma.memory(address);
          if (offset === 0x2000 && aperture && page) new Uint8Array(aperture.buffer, aperture.offset).set(page);
          vgpu.interrupt();
          return true;
        },
      };
    },
  }),
);
